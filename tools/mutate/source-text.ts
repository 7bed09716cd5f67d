import type { Node, Text } from './syntax.ts';

/**
 * Gives the text of nodes.
 *
 * @param base The position that the parser gives the first byte of the source.
 */
export function textAt(source: string, base: number): Text {
  const indexes = indexesOfBytes(source);
  const range = (node: unknown) => {
    const { start, end } = (node as Node).span;
    return { start: indexes(start - base), end: indexes(end - base) };
  };
  return {
    source,
    range,
    of: (node) => source.slice(range(node).start, range(node).end),
    between(left, right, operator) {
      const from = range(left).end;
      const start = from + source.slice(from, range(right).start).indexOf(operator);
      return { start, end: start + operator.length };
    },
    spreadStart: (node) => source.lastIndexOf('...', range(node).start),
  };
}

/** From bytes of UTF-8, which the parser counts, to indexes of the text. */
function indexesOfBytes(source: string): (byte: number) => number {
  const bytes = Buffer.from(source);
  if (bytes.length === source.length) return (byte) => byte;
  return (byte) => bytes.subarray(0, byte).toString().length;
}
