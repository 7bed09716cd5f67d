// A bare websocket server; see server-process.ts. A client asks by the first byte of a message:
// 0: the message comes back. 1: it goes to everybody. 2: as many bytes come back as the u32 behind the first byte says.
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { answerParent } from '../host/child.ts';
import { ownFigures, type ServerQuestion } from './server-process.ts';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
const listening = new Promise<void>((resolve) => server.once('listening', resolve));
server.on('connection', (socket) => {
  socket.on('message', (data: Buffer) => {
    if (data[0] === 0) socket.send(data);
    else if (data[0] === 1) for (const client of server.clients) client.send(data);
    else socket.send(Buffer.alloc(data.readUInt32LE(1)));
  });
});

answerParent<ServerQuestion>(async (question) => {
  if (question.ask === 'start') {
    await listening;
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  if (question.ask === 'evaluations') return 0;
  if (question.ask === 'stop') {
    for (const client of server.clients) client.terminate();
    return server.close();
  }
  return ownFigures(question);
});
