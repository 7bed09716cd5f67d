import { canonicalJson, type JsonValue } from '@autopilot/sync-contract';

/** The longest payload that is published, in bytes of canonical JSON. */
export const maxPayloadBytes = 16 * 1024;

const longestList = 50;
const deepest = 8;
const textLimits = [8192, 4096, 2048, 1024, 512, 128, 32] as const;

/**
 * A payload that canonical JSON can carry in {@link maxPayloadBytes}: texts go through `clean`, then long ones lose
 * their middle and say how many bytes that was; long lists lose their end and say how many items.
 */
export function fitPayload(value: unknown, clean: (text: string) => string): JsonValue {
  const plain = toPlain(value, clean, 0);
  for (const limit of textLimits) {
    const fitted = cutTexts(plain, limit);
    if (byteLength(fitted) <= maxPayloadBytes) return fitted;
  }
  // Nothing but a great many short members can get here.
  return { left_out_bytes: byteLength(plain) };
}

/** Cuts the middle out of a text that is longer than `limit` UTF-8 bytes, and says so in its place. */
export function cutText(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  // The end of an output tells how it went, so it is kept too.
  let head = Math.floor((limit * 2) / 3);
  let tail = bytes.length - (limit - head);
  while (head > 0 && isContinuation(bytes[head])) head -= 1;
  while (tail < bytes.length && isContinuation(bytes[tail])) tail += 1;
  return `${bytes.toString('utf8', 0, head)}\n[... ${tail - head} bytes cut ...]\n${bytes.toString('utf8', tail)}`;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function toPlain(value: unknown, clean: (text: string) => string, depth: number): JsonValue {
  if (typeof value === 'string') return clean(value).toWellFormed();
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    // Parsed from JSON, so never NaN; an integer that a number does not hold exactly becomes text.
    return Number.isFinite(value) && !(Number.isInteger(value) && !Number.isSafeInteger(value)) ? value : String(value);
  }
  if (typeof value !== 'object' || value === null) return null;
  if (depth >= deepest) return '[nested too deep]';
  if (Array.isArray(value)) {
    const items = value.slice(0, longestList).map((item) => toPlain(item, clean, depth + 1));
    return value.length > longestList ? [...items, `[... ${value.length - longestList} items cut ...]`] : items;
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.map(([key, member]) => [clean(key).toWellFormed(), toPlain(member, clean, depth + 1)]),
  );
}

function cutTexts(value: JsonValue, limit: number): JsonValue {
  if (typeof value === 'string') return cutText(value, limit);
  if (Array.isArray(value)) return value.map((item: JsonValue) => cutTexts(item, limit));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cutTexts(member, limit)]));
}

function byteLength(value: JsonValue): number {
  return Buffer.byteLength(canonicalJson(value));
}
