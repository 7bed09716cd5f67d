import { clientMessage } from '../../src/conformance/client-message.ts';

/** Numbers that a seed decides. */
export function seeded(seed: number): (below: number) => number {
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

const queries = [
  'SELECT * FROM note',
  'SELECT * FROM *',
  "SELECT * FROM note WHERE text <> 'x' OR recipient = :sender",
  'SELECT * FROM live_inbox',
  'SELECT * FROM secret',
  'SELECT n.* FROM note n JOIN note m ON n.recipient = m.recipient',
  'SELECT * FROM player WHERE id = 99999999999',
  `SELECT * FROM player WHERE ${'('.repeat(150)}id = 1`,
  "'; DROP TABLE note; --",
  '\u0000\uFFFF😀',
];
const names = [
  'add_player',
  'write_note',
  'refuse',
  'break',
  'nothing',
  'constructor',
  '__proto__',
  '',
  'é'.repeat(300),
];

/** A frame of a client that means no good: true, cut, changed, joined or made-up messages. */
export function hostileFrame(next: (below: number) => number): Uint8Array {
  const bytes = message(next);
  switch (next(6)) {
    case 0:
      return bytes;
    case 1:
      return bytes.subarray(0, next(bytes.length + 1));
    case 2: {
      const changed = Uint8Array.from(bytes);
      for (let left = 1 + next(4); left > 0; left -= 1) changed[next(changed.length)] = next(256);
      return changed;
    }
    case 3:
      return Buffer.concat([bytes, message(next), message(next)]);
    case 4:
      return Uint8Array.from({ length: next(64) }, () => next(256));
    default:
      // A length that promises more than there is.
      return Buffer.concat([bytes.subarray(0, Math.min(bytes.length, 9)), Uint8Array.of(255, 255, 255, next(256))]);
  }
}

function message(next: (below: number) => number): Uint8Array {
  const request = next(4);
  const set = next(3);
  const query = queries[next(queries.length)] ?? '';
  const name = names[next(names.length)] ?? '';
  const args = Uint8Array.from({ length: next(40) }, () => next(256));
  switch (next(5)) {
    case 0:
      return clientMessage.subscribe(request, set, query, queries[next(queries.length)] ?? '');
    case 1:
      return clientMessage.unsubscribe(request, set, next(2) === 0);
    case 2:
      return clientMessage.oneOff(request, query);
    case 3:
      return clientMessage.reducer(request, name, args);
    default:
      return clientMessage.procedure(request, name, args);
  }
}
