/** What a relay sends. Events are values yet: only the inbound pipeline reads them. */
export type RelayFrame =
  | { readonly type: 'EVENT'; readonly subscription: string; readonly event: unknown }
  | { readonly type: 'OK'; readonly id: string; readonly accepted: boolean; readonly message: string }
  | { readonly type: 'EOSE'; readonly subscription: string }
  | { readonly type: 'CLOSED'; readonly subscription: string; readonly message: string }
  | { readonly type: 'NOTICE'; readonly message: string }
  | { readonly type: 'AUTH'; readonly challenge: string }
  /** Well formed, and nothing that was asked for: COUNT, NEG-MSG and what comes after them. */
  | { readonly type: 'other' }
  | { readonly type: 'malformed' };

const utf8 = new TextDecoder('utf-8', { fatal: true });
const malformed: RelayFrame = { type: 'malformed' };
/** A challenge is repeated in an event: a longer one is an attack. */
const longestChallenge = 1_000;

/** Reads a frame; what is none is `malformed`, whatever it is. */
export function readFrame(data: Uint8Array): RelayFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(utf8.decode(data));
  } catch {
    return malformed;
  }
  if (!Array.isArray(frame)) return malformed;
  const [type, first, second, third] = frame as readonly unknown[];
  switch (type) {
    case 'EVENT':
      if (typeof first !== 'string' || typeof second !== 'object' || second === null) return malformed;
      return { type, subscription: first, event: second };
    case 'OK':
      if (typeof first !== 'string' || typeof second !== 'boolean') return malformed;
      return { type, id: first, accepted: second, message: typeof third === 'string' ? third : '' };
    case 'EOSE':
      return typeof first === 'string' ? { type, subscription: first } : malformed;
    case 'CLOSED':
      if (typeof first !== 'string') return malformed;
      return { type, subscription: first, message: typeof second === 'string' ? second : '' };
    case 'NOTICE':
      return typeof first === 'string' ? { type, message: first } : malformed;
    case 'AUTH':
      return typeof first === 'string' && first.length <= longestChallenge ? { type, challenge: first } : malformed;
    default:
      return typeof type === 'string' ? { type: 'other' } : malformed;
  }
}
