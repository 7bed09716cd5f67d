/**
 * Milliseconds that a Retry-After header asks to wait; undefined when there is none, or none that can be read. Its date
 * form is counted from the Date header of the same answer, so that only the clock of the other side counts.
 */
export function retryAfterMs(retryAfter: string | undefined, date: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  const seconds = Number(retryAfter);
  const wait = Number.isNaN(seconds) ? Date.parse(retryAfter) - Date.parse(date ?? '') : seconds * 1000;
  return Number.isFinite(wait) && wait > 0 ? wait : undefined;
}
