// Numbers and times as the page writes them. `null` is always a dash: what is not known is never shown as a value.

/** For what is not known. */
const unknown = '–';

const counts = new Intl.NumberFormat('en');
const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 4 });

/** 1234567 as 1,234,567. */
export function formatCount(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? unknown : counts.format(value);
}

/** A count with its unit: 1 event, 2 events. */
export function formatOf(value: number | null | undefined, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}

/** A measure, with up to four decimals. */
export function formatMeasure(value: number): string {
  return Number.isFinite(value) ? exact.format(value) : 'not a number';
}

/** A share of 1 as percent. Rounds down, so that only everything is 100 %. */
export function formatShare(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return unknown;
  return `${exact.format(Math.floor(value * 1e6 + 1e-6) / 1e4)} %`;
}

/** A length of time in its two largest units: 42 s, 5 m 10 s, 3 h 05 m, 4 d 2 h. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (ms < 1000 && ms >= 1) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'm', seconds % 60, 's');
  if (seconds < 86_400) return pair(Math.floor(seconds / 3600), 'h', Math.floor(seconds / 60) % 60, 'm');
  return pair(Math.floor(seconds / 86_400), 'd', Math.floor(seconds / 3600) % 24, 'h');
}

/** Bytes as 512 KiB, 48.3 MiB, 1.2 GiB. */
export function formatBytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return unknown;
  if (value < 1_048_576) return `${counts.format(Math.round(value / 1_024))} KiB`;
  return value < 1_073_741_824 ? `${(value / 1_048_576).toFixed(1)} MiB` : `${(value / 1_073_741_824).toFixed(1)} GiB`;
}

/** How long ago, or how long until. */
export function formatAgo(at: number, now: number): string {
  const span = now - at;
  if (Math.abs(span) < 1000) return 'now';
  return span > 0 ? `${formatSpan(span)} ago` : `in ${formatSpan(-span)}`;
}

/** The whole time, for titles. */
export function formatAbsolute(at: number): string {
  return Math.abs(at) <= 8.64e15 ? `${new Date(at).toISOString().replace('T', ' ').slice(0, 19)} UTC` : String(at);
}

/** The local time of day, 14:03. */
export function formatClock(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** The two ends of a digest. */
export function shortDigest(digest: string): string {
  const [scheme, hex] = digest.includes(':') ? digest.split(':', 2) : ['', digest];
  const body = hex ?? digest;
  const cut = body.length <= 14 ? body : `${body.slice(0, 6)}…${body.slice(-6)}`;
  return scheme === '' ? cut : `${scheme}:${cut}`;
}

/** Spans and times inside a sentence of control, for a person: `120000 ms` becomes `2 m`. */
export function humanise(text: string): string {
  return text
    .replace(/\b(\d{4,})(?:\.\d+)? ms\b/g, (_, ms: string) => formatSpan(Number(ms)))
    .replace(/(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z/g, '$1 $2 UTC');
}

/** A name of control in words: `flip_started` as flip started. */
export function inWords(name: string): string {
  return name.replaceAll(/[_-]/g, ' ');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
