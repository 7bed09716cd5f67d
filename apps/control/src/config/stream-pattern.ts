/** An exact stream id, or a prefix followed by one `*` at the end. */
export type StreamPattern = string;

/** Whether a text is a pattern: not empty, and no `*` but at the end. */
export function isStreamPattern(text: string): boolean {
  const star = text.indexOf('*');
  return text.length > 0 && (star === -1 || star === text.length - 1);
}

/** Whether one of the patterns covers a stream. No pattern covers nothing. */
export function coversStream(patterns: readonly StreamPattern[], streamId: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? streamId.startsWith(pattern.slice(0, -1)) : streamId === pattern,
  );
}
