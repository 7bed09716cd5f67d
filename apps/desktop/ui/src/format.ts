// Numbers and times as the page writes them. `null` is always a dash: what is not known is never shown as a value.

/** For what is not known. */
export const unknown = '–';

const counts = new Intl.NumberFormat('en');

/** 1234567 or "1234567" as 1,234,567. */
export function formatCount(value: number | string | null): string {
  if (value === null) return unknown;
  return counts.format(typeof value === 'string' ? BigInt(value) : value);
}

/** Milliseconds as 0.8 ms, 12 ms, 1.4 s. */
export function formatMs(value: number | null): string {
  if (value === null) return unknown;
  if (value >= 1000) return formatSeconds(value / 1000);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Seconds as 0 s, 3.2 s, 42 s, 1 m 05 s, 2 h 10 m, 3 d 4 h. */
export function formatSeconds(value: number | null): string {
  if (value === null) return unknown;
  const seconds = Math.max(0, value);
  if (seconds === 0) return '0 s';
  if (seconds < 0.05) return '<0.1 s';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  return formatWhole(Math.round(seconds));
}

/** Whole seconds, for what counts up or down before one's eyes. */
export function formatWhole(value: number | null): string {
  if (value === null) return unknown;
  const seconds = Math.max(0, Math.floor(value));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

/** How long ago, in its largest unit: 42 s, 12 m, 5 h, 3 d. */
export function formatAge(value: number): string {
  const seconds = Math.max(0, Math.floor(value));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** The local time of day, 14:03:22. */
export function formatTime(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

/** The two ends of a hash. */
export function shortHash(hash: string): string {
  return hash.length <= 14 ? hash : `${hash.slice(0, 6)}…${hash.slice(-6)}`;
}

/** A rate in events per second. */
export function formatRate(value: number | null): string {
  if (value === null) return unknown;
  return `${value > 0 && value < 10 ? value.toFixed(1) : counts.format(Math.round(value))}/s`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
