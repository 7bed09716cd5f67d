const steps = [
  { unit: 'd', ms: 86_400_000 },
  { unit: 'h', ms: 3_600_000 },
  { unit: 'min', ms: 60_000 },
  { unit: 's', ms: 1_000 },
];

/** A length of time in its two largest units: `2 h 5 min`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return 'unknown';
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const index = steps.findIndex((step) => ms >= step.ms);
  const [first, second] = steps.slice(index);
  if (first === undefined) return `${ms} ms`;
  const whole = Math.floor(ms / first.ms);
  const rest = second === undefined ? 0 : Math.floor((ms - whole * first.ms) / second.ms);
  return rest === 0 ? `${whole} ${first.unit}` : `${whole} ${first.unit} ${rest} ${second?.unit}`;
}

/** How long ago, or how far ahead: `3 min ago`, `in 2 h`. */
export function relative(at: number, now: number): string {
  if (Math.abs(now - at) < 1_000) return 'just now';
  return at <= now ? `${duration(now - at)} ago` : `in ${duration(at - now)}`;
}

/** A time as ISO 8601 in UTC, without milliseconds. */
export function isoTime(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString().replace('.000Z', 'Z') : `${ms} ms`;
}

/** A time with how far away it is. */
export function moment(at: number, now: number): string {
  return `${isoTime(Math.floor(at / 1_000) * 1_000)} (${relative(at, now)})`;
}

/** A count with thousands apart: `1,234,567`. */
export function count(value: number): string {
  return Number.isFinite(value) ? value.toLocaleString('en-US') : 'unknown';
}

/** `3 units`, `1 unit`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A share with its denominator: `99.9 % of 1,000`; never a bare percentage. */
export function share(part: number, whole: number): string {
  if (!(whole > 0)) return 'of none';
  const percent = (part / whole) * 100;
  // A difference must not be rounded away.
  return `${shownPercent(percent, part === whole)} % of ${count(whole)}`;
}

/** Never rounded to a 0 or a 100 that it is not. */
function shownPercent(percent: number, whole: boolean): string {
  if (whole) return '100';
  if (percent === 0) return '0';
  if (percent < 0.0001) return 'under 0.0001';
  return percent > 99 || percent < 1 ? Math.min(99.9999, percent).toFixed(4) : percent.toFixed(1);
}

/** A text with its digests short enough for a line. */
export function shortDigest(text: string): string {
  return text.replaceAll(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, '$1…');
}
