// A bare websocket server in a process of its own: sends back every message as it came. Tells its port to its parent.
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on('listening', () => process.send?.((server.address() as AddressInfo).port));
// A parent that is gone asks nothing any more.
process.on('disconnect', () => process.exit(0));
