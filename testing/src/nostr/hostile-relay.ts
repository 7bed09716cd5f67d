import { type WebSocket, WebSocketServer } from 'ws';
import { listen } from './listen.ts';
import { serverFrames } from './server-frames.ts';

/** An event as it goes over the wire. */
type WireEvent = { readonly id: string; readonly sig: string; readonly content: string } & Record<string, unknown>;

/** What a hostile relay does; it may be changed while it runs. */
export type Hostility =
  /** Takes connections and every frame, and says nothing. */
  | { readonly type: 'hanging' }
  /** Answers the upgrade with an HTTP status. */
  | { readonly type: 'refusing'; readonly status: number; readonly retryAfterSeconds?: number }
  /** Closes the connection at the first frame. */
  | { readonly type: 'closing'; readonly code: number }
  /** Says OK to other events than it was sent, and EOSE and CLOSED of subscriptions that nobody made. */
  | { readonly type: 'lying' }
  /** Answers every EVENT with this. */
  | { readonly type: 'answering'; readonly accepted: boolean; readonly message: string }
  /** Answers every frame with frames that are none. */
  | { readonly type: 'malformed' }
  /** Answers a REQ with its events, each with another signature, another content, another id, and then EOSE. */
  | { readonly type: 'forging'; readonly events: readonly WireEvent[] }
  /** Answers a REQ with each of its events so many times. */
  | { readonly type: 'repeating'; readonly events: readonly WireEvent[]; readonly times: number }
  /** Answers a REQ with its events, over and over, as fast as the connection takes them. */
  | { readonly type: 'flooding'; readonly events: readonly WireEvent[] }
  /** Sends a new AUTH challenge after every frame, `burst` of them. */
  | { readonly type: 'challenging'; readonly burst: number }
  /** Answers every frame with one of so many bytes. */
  | { readonly type: 'oversized'; readonly bytes: number };

/** A relay that wishes its clients ill. */
export interface HostileRelay {
  readonly url: string;
  hostility: Hostility;
  /** Frames that came, parsed. */
  readonly frames: readonly unknown[][];
  /** Connections that were ever opened, and frames that were sent. */
  readonly counts: { opened: number; sent: number };
  readonly connections: number;
  close(): Promise<void>;
}

/** Starts a hostile relay on a free loopback port. */
export async function startHostileRelay(hostility: Hostility): Promise<HostileRelay> {
  const frames: unknown[][] = [];
  const counts = { opened: 0, sent: 0 };
  const open = new Set<WebSocket>();
  const http = await listen((_request, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({ noServer: true });
  const relay: HostileRelay = {
    url: `ws://127.0.0.1:${http.port}`,
    hostility,
    frames,
    counts,
    get connections() {
      return open.size;
    },
    close: async () => {
      for (const socket of open) socket.terminate();
      sockets.close();
      await http.close();
    },
  };
  http.server.on('upgrade', (request, socket, head) => {
    // One who gives up while being refused is no defect of the relay.
    socket.on('error', () => {});
    const { hostility: now } = relay;
    if (now.type === 'refusing') {
      const retry = now.retryAfterSeconds === undefined ? '' : `retry-after: ${now.retryAfterSeconds}\r\n`;
      socket.end(`HTTP/1.1 ${now.status} no\r\n${retry}content-length: 0\r\nconnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      open.add(client);
      counts.opened += 1;
      client.on('error', () => {});
      client.on('close', () => open.delete(client));
      client.on('message', (data) => {
        const frame = JSON.parse(String(data)) as unknown[];
        frames.push(frame);
        answer(relay.hostility, frame, client, counts, (bytes, taken) => {
          if (client.readyState === client.OPEN) socket.write(bytes, taken);
        });
      });
    });
  });
  return relay;
}

/** What a client must not fall over. */
const malformedFrames = ['', 'null', '{}', '[]', '[1]', '["EVENT"]', '["EVENT","s"]', '["EVENT","s",null]', '["OK"]'];
const moreMalformed = [
  '["OK","x","yes"]',
  '["EOSE",1]',
  '["CLOSED"]',
  '["NOTICE",{}]',
  '["AUTH"]',
  '["WHAT","x"]',
  '[[',
];

/** Writes what was put into frames beforehand; `taken` is called when the kernel took it. */
type WriteFrames = (bytes: Uint8Array, taken?: () => void) => void;

function answer(
  hostility: Hostility,
  frame: readonly unknown[],
  client: WebSocket,
  counts: { sent: number },
  write: WriteFrames,
): void {
  const send = (...message: unknown[]) => {
    counts.sent += 1;
    client.send(JSON.stringify(message));
  };
  const sendMany = (id: unknown, texts: () => readonly (string | Uint8Array)[]) => {
    const { bytes, count } = framesOnce(hostility, id, texts);
    counts.sent += count;
    write(bytes);
  };
  const [type, second] = frame;
  const id = type === 'EVENT' ? (second as { id: string }).id : '';
  switch (hostility.type) {
    case 'hanging':
    case 'refusing':
      return;
    case 'closing':
      client.close(hostility.code, 'go away');
      return;
    case 'lying':
      send('OK', 'f'.repeat(64), true, '');
      send('EOSE', 'nobody');
      send('CLOSED', 'nobody', 'error: no');
      return;
    case 'answering':
      if (type === 'EVENT') send('OK', id, hostility.accepted, hostility.message);
      return;
    case 'malformed':
      sendMany('', () => [...malformedFrames, ...moreMalformed, Uint8Array.of(0xff, 0xfe, 0x00)]);
      return;
    case 'forging':
      if (type === 'REQ') sendMany(second, () => [...forged(hostility.events, second), eose(second)]);
      return;
    case 'repeating':
      if (type === 'REQ')
        sendMany(second, () => [...repeated(hostility.events, hostility.times, second), eose(second)]);
      return;
    case 'flooding':
      if (type === 'REQ') flood(hostility, second, client, counts, write);
      return;
    case 'challenging':
      for (let time = 0; time < hostility.burst; time += 1) send('AUTH', `challenge-${counts.sent}`);
      if (type === 'EVENT') send('OK', id, false, 'auth-required: again');
      if (type === 'REQ') send('CLOSED', second, 'auth-required: again');
      return;
    case 'oversized':
      sendMany('', () => [JSON.stringify(['NOTICE', 'x'.repeat(hostility.bytes)])]);
      return;
  }
}

const eose = (id: unknown) => JSON.stringify(['EOSE', id]);
const eventFrame = (id: unknown, event: WireEvent) => JSON.stringify(['EVENT', id, event]);

function forged(events: readonly WireEvent[], id: unknown): readonly string[] {
  return events.flatMap((event) => [
    eventFrame(id, { ...event, sig: flip(event.sig) }),
    eventFrame(id, { ...event, content: `${event.content}!` }),
    eventFrame(id, { ...event, id: flip(event.id) }),
  ]);
}

function repeated(events: readonly WireEvent[], times: number, id: unknown): readonly string[] {
  return events.flatMap((event) => new Array<string>(times).fill(eventFrame(id, event)));
}

interface Frames {
  readonly bytes: Uint8Array;
  readonly count: number;
}

const kept = new WeakMap<Hostility, Map<unknown, Frames>>();

/** Made once: an attack that costs the attacker nothing, and nothing of the machine that both may run on. */
function framesOnce(hostility: Hostility, id: unknown, texts: () => readonly (string | Uint8Array)[]): Frames {
  const ofIt = kept.get(hostility) ?? new Map<unknown, Frames>();
  kept.set(hostility, ofIt);
  let frames = ofIt.get(id);
  if (frames === undefined) {
    const all = texts();
    frames = { bytes: serverFrames(all), count: all.length };
    ofIt.set(id, frames);
  }
  return frames;
}

/** At least so much is written at a time. */
const floodBytes = 1 << 18;

/** Keeps the connection full without filling this process, and does nothing while it is full. */
function flood(
  hostility: Hostility & { readonly type: 'flooding' },
  id: unknown,
  client: WebSocket,
  counts: { sent: number },
  write: WriteFrames,
): void {
  const { bytes, count } = framesOnce(hostility, id, () => {
    const once = hostility.events.map((event) => eventFrame(id, event));
    const length = once.reduce((sum, text) => sum + text.length, 0);
    return new Array<readonly string[]>(Math.ceil(floodBytes / length)).fill(once).flat();
  });
  const more = (): void => {
    if (client.readyState !== client.OPEN) return;
    counts.sent += count;
    // The loop has to let others run.
    write(bytes, () => setImmediate(more));
  };
  more();
}

/** Another hexadecimal text of the same length. */
function flip(hex: string): string {
  return `${hex.startsWith('0') ? '1' : '0'}${hex.slice(1)}`;
}
