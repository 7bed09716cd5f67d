import { isUtf8 } from 'node:buffer';
import { BinaryWriter } from 'spacetimedb';
import { clientMessage } from '../../src/conformance/client-message.ts';
import { clientFrame, opcode } from './raw-socket.ts';

/** A number below `below`, decided by a seed. */
export type Dice = (below: number) => number;

/** Numbers that a seed decides. */
export function seeded(seed: number): Dice {
  let state = seed >>> 0 || 1;
  return (below) => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** What an attacker does next. */
export type Step =
  /** A websocket message whose frames are as they should be. */
  | { readonly kind: string; readonly does: 'payload'; readonly payload: Uint8Array; readonly bytes: Uint8Array }
  | { readonly kind: string; readonly does: 'text'; readonly bytes: Uint8Array }
  /** Frames that are none: the host hangs up. */
  | { readonly kind: string; readonly does: 'violate'; readonly bytes: Uint8Array }
  /** Something of a frame, and then the attacker hangs up. */
  | { readonly kind: string; readonly does: 'leave'; readonly bytes: Uint8Array };

/** The next step of a client that means no good, with texts of its own in what it writes. */
export function hostileStep(next: Dice, own: string): Step {
  const share = next(1000);
  if (share < 8) {
    const payload = message(next, own);
    return { kind: 'text frame', does: isUtf8(payload) ? 'text' : 'violate', bytes: clientFrame(opcode.text, payload) };
  }
  if (share < 20) return violation(next, own);
  if (share < 25) {
    const whole = clientFrame(opcode.binary, message(next, own));
    return { kind: 'half a frame', does: 'leave', bytes: whole.subarray(0, next(whole.length)) };
  }
  const [kind, payload] = hostilePayload(next, own);
  if (share < 105) return { kind: `${kind}, in fragments`, does: 'payload', payload, bytes: fragmented(next, payload) };
  return { kind, does: 'payload', payload, bytes: clientFrame(opcode.binary, payload) };
}

function hostilePayload(next: Dice, own: string): readonly [kind: string, payload: Uint8Array] {
  const bytes = message(next, own);
  const share = next(100);
  if (share < 68) return ['valid', bytes];
  if (share < 71) return ['truncated', bytes.subarray(0, next(bytes.length))];
  if (share < 81) {
    const changed = Uint8Array.from(bytes);
    for (let left = 1 + next(4); left > 0; left -= 1) changed[next(changed.length)] = next(256);
    return ['changed bytes', changed];
  }
  if (share < 83) return ['wrong tag', Uint8Array.of(next(256), ...bytes.subarray(1))];
  if (share < 96) {
    const parts = Array.from({ length: 2 + next(6) }, () => message(next, own));
    const last = parts.at(-1) ?? bytes;
    if (next(6) === 0) parts[parts.length - 1] = last.subarray(0, next(last.length));
    return ['joined', Buffer.concat(parts)];
  }
  if (share < 98) return ['random', Uint8Array.from({ length: next(64) }, () => next(256))];
  // A length that promises more than there is.
  const length = [0xff_ff_ff_ff, 0x7f_ff_ff_ff, 0x80_00_00_00, bytes.length + 1 + next(1000)][next(4)] ?? 0;
  const promise = Buffer.alloc(4);
  promise.writeUInt32LE(length);
  return ['huge length', Buffer.concat([bytes.subarray(0, [5, 9, 10][next(3)]), promise, bytes.subarray(0, next(40))])];
}

function violation(next: Dice, own: string): Step {
  const payload = message(next, own);
  const frames: Readonly<Record<string, () => Uint8Array>> = {
    'not masked': () => clientFrame(opcode.binary, payload, { isMasked: false }),
    'reserved bits': () => clientFrame(opcode.binary, payload, { reserved: 1 + next(7) }),
    'unknown opcode': () => clientFrame(3 + next(5), payload),
    'continues nothing': () => clientFrame(opcode.continuation, payload),
    'begins within a message': () =>
      Buffer.concat([clientFrame(opcode.binary, payload, { isLast: false }), clientFrame(opcode.binary, payload)]),
    'a ping in parts': () => clientFrame(opcode.ping, new Uint8Array(4), { isLast: false }),
    'a long ping': () => clientFrame(opcode.ping, new Uint8Array(126 + next(100))),
    'longer than allowed': () => clientFrame(opcode.binary, payload, { announced: 32 * 1024 * 1024 + 1 + next(1000) }),
    'longer than a number': () => clientFrame(opcode.binary, payload, { announced: 2 ** 53 + 2 ** 54 }),
    'a close of one byte': () => clientFrame(opcode.close, Uint8Array.of(3)),
    'an impossible close code': () => clientFrame(opcode.close, Uint8Array.of(0, 5)),
    'a close reason that is no text': () => clientFrame(opcode.close, Uint8Array.of(3, 232, 255, 254)),
  };
  const names = Object.keys(frames);
  const kind = names[next(names.length)] ?? '';
  return { kind, does: 'violate', bytes: frames[kind]?.() ?? payload };
}

/** The same message in several frames, with a few pings among them: of many the `ws` package makes short work. */
function fragmented(next: Dice, payload: Uint8Array): Uint8Array {
  const frames: Uint8Array[] = [];
  let pings = 0;
  let start = 0;
  for (let isLast = false; !isLast; ) {
    const end = Math.min(payload.length, start + next(16));
    isLast = end === payload.length && frames.length > 0;
    frames.push(
      clientFrame(frames.length === 0 ? opcode.binary : opcode.continuation, payload.subarray(start, end), { isLast }),
    );
    if (next(8) === 0 && !isLast && pings < 3) {
      pings += 1;
      frames.push(clientFrame(opcode.ping, Uint8Array.of(next(256))));
    }
    start = end;
  }
  return Buffer.concat(frames);
}

const queries = [
  'SELECT * FROM note',
  'SELECT * FROM *',
  "SELECT * FROM note WHERE text <> 'x' OR recipient = :sender",
  'SELECT * FROM live_inbox',
  'SELECT * FROM my_purse',
  "SELECT * FROM player WHERE team = 'red'",
  'SELECT * FROM purse',
  'SELECT * FROM secret',
  'SELECT * FROM visit',
  'SELECT * FROM st_client',
  'SELECT * FROM st_connection_credentials',
  'SELECT c.* FROM st_table t JOIN st_column c ON t.table_id = c.table_id',
  'SHOW row_limit',
  'SET row_limit = 0',
  'SELECT n.* FROM note n JOIN note m ON n.recipient = m.recipient',
  'SELECT p.* FROM player p JOIN note n ON p.id = n.slot',
  'SELECT * FROM player WHERE id = 99999999999',
  `SELECT * FROM player WHERE ${'('.repeat(150)}id = 1`,
  `SELECT * FROM player WHERE team = '${'x'.repeat(300)}'`,
  "DELETE FROM note WHERE text <> ''",
  "'; DROP TABLE note; --",
  '\u0000\uFFFF😀',
];
const names = ['__proto__', 'constructor', 'connected', 'init', 'tick', '', 'é'.repeat(300)];

/** A message as the protocol wants it, though hardly one that a decent client would send. */
function message(next: Dice, own: string): Uint8Array {
  const request = next(4);
  const set = next(3);
  const query = () => queries[next(queries.length)] ?? '';
  switch (next(8)) {
    case 0:
      return clientMessage.subscribe(request, set, query());
    case 1:
      return clientMessage.subscribe(request, set, ...Array.from({ length: next(4) }, query));
    case 2:
      return clientMessage.unsubscribe(request, set, next(2) === 0);
    case 3:
      return clientMessage.oneOff(request, query());
    case 4: {
      const name = names[next(names.length)] ?? '';
      const args = Uint8Array.from({ length: next(40) }, () => next(256));
      return next(2) === 0 ? clientMessage.reducer(request, name, args) : clientMessage.procedure(request, name, args);
    }
    case 5:
      return clientMessage.procedure(request, 'my_notes', Uint8Array.of(next(256)));
    default:
      return call(next, request, own);
  }
}

function call(next: Dice, request: number, own: string): Uint8Array {
  switch (next(16)) {
    case 0:
      return clientMessage.reducer(request, 'refuse');
    case 1:
      // Costly for the host: it loads the module anew.
      return next(20) === 0 ? clientMessage.reducer(request, 'trap') : clientMessage.reducer(request, 'say');
    case 2:
    case 3:
    case 4: {
      const row = args((writer) => {
        writer.writeU8(next(256));
        writer.writeString(['red', 'blue', '', 'é'][next(4)] ?? '');
        writer.writeI64(-1n);
      });
      return clientMessage.reducer(request, 'put', row);
    }
    case 5:
    case 6:
      return clientMessage.reducer(
        request,
        'say',
        args((writer) => writer.writeString(own)),
      );
    case 7:
      return clientMessage.reducer(
        request,
        'fill',
        args((writer) => writer.writeString(own)),
      );
    case 8:
      return clientMessage.reducer(
        request,
        'fill',
        args((writer) => writer.writeString('x'.repeat(next(2000)))),
      );
    default: {
      const note = args((writer) => {
        writer.writeU8(next(256));
        writer.writeString(`${own} ${next(100)}`);
      });
      return clientMessage.reducer(request, 'write_note', note);
    }
  }
}

/** The arguments of a call. */
export function args(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter(64);
  write(writer);
  return writer.getBuffer().slice();
}
