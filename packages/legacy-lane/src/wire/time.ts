const form = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Microseconds since the Unix epoch of an ISO 8601 time; undefined for any other text. */
export function microsecondsOf(text: string): bigint | undefined {
  const parts = form.exec(text);
  if (parts === null) return undefined;
  const [, fraction = ''] = parts;
  // Whole seconds by Date, the rest by hand: Date keeps milliseconds only.
  const seconds = Date.parse(text.replace(' ', 'T').replace(/\.\d+/, ''));
  if (!Number.isFinite(seconds)) return undefined;
  return BigInt(seconds) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}
