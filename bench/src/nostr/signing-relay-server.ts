// A relay in a process of its own that has nothing stored and makes its events as they are asked for: each is another one,
// signed, of the next moment of the time that all of them are spread over. It sends only what its parent asks for.
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { answerParent } from '../host/child.ts';
import { subscriptionId } from './open-inbound.ts';
import { fastSigner } from './signed-events.ts';
import type { RelayQuestion } from './signing-relay.ts';

const sign = fastSigner('relay');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
let client: WebSocket | undefined;
let next = 0;
let moment = (_n: number) => 0;
let text = '';

server.on('connection', (socket) => {
  client = socket;
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const [type, id] = JSON.parse(String(data)) as [string, string];
    if (type === 'REQ') socket.send(JSON.stringify(['EOSE', id]));
  });
});

answerParent<RelayQuestion>(async (question) => {
  if (question.ask === 'start') {
    const { from, to, events, content } = question;
    moment = (n) => Math.floor(from + ((to - from) * n) / events);
    text = 'x'.repeat(content);
    if (server.address() === null) await new Promise((resolve) => server.once('listening', resolve));
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  if (question.ask === 'send') {
    for (let left = question.count; left > 0; left -= 1) {
      const event = sign({ kind: 1, created_at: moment(next), tags: [['n', `${next}`]], content: text });
      next += 1;
      client?.send(JSON.stringify(['EVENT', subscriptionId, event]));
    }
  }
});
