const slots = 32;
/** Longer texts are rarely the same, and comparing them would cost more than reading them. */
const longest = 64;

interface Known {
  readonly bytes: Buffer;
  readonly text: string;
}

/**
 * Names that come again and again: tables, streams, epochs, kinds. Comparing a few bytes is several times as fast as
 * making a string of them, and the events that are kept share one string. Bounded: a name takes the place of another.
 */
export class TextCache {
  readonly #known: (Known | undefined)[] = new Array<Known | undefined>(slots).fill(undefined);

  /** The UTF-8 text from `start` to before `end`, which must lie inside of `bytes`. */
  read(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return '';
    if (length > longest) return bytes.toString('utf8', start, end);
    const slot = (length * 7 + (bytes[start] ?? 0) + (bytes[end - 1] ?? 0) * 5) % slots;
    const known = this.#known[slot];
    if (known !== undefined && isThere(known.bytes, bytes, start, length)) return known.text;
    const text = bytes.toString('utf8', start, end);
    // A copy: a view would keep the whole frame alive.
    this.#known[slot] = { bytes: Buffer.from(bytes.subarray(start, end)), text };
    return text;
  }
}

function isThere(wanted: Buffer, bytes: Buffer, start: number, length: number): boolean {
  if (wanted.length !== length) return false;
  // From the end: names differ there rather than at their beginning.
  for (let at = length - 1; at >= 0; at -= 1) if (wanted[at] !== bytes[start + at]) return false;
  return true;
}
