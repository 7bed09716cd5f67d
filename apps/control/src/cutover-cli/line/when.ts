/** A moment: so long from now, or a time. Milliseconds. */
export type When = { readonly kind: 'in'; readonly ms: number } | { readonly kind: 'at'; readonly ms: number };

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The length of `90s`, `30m`, `2h`, `1d` in milliseconds; null for any other text. */
export function parseDuration(text: string): number | null {
  const [, count = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const length = units[unit];
  return length === undefined ? null : Math.round(Number(count) * length);
}

/** The moment that lies ahead of `now`. */
export function ahead(when: When, now: number): number {
  return when.kind === 'at' ? when.ms : Math.ceil((now + when.ms) / 1_000) * 1_000;
}

/** The moment that lies behind `now`. */
export function behind(when: When, now: number): number {
  return when.kind === 'at' ? when.ms : Math.max(0, Math.floor(now - when.ms));
}
