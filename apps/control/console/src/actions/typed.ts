/** The words of a list that was typed: separated by commas or white space. */
export function wordsOf(typed: string | undefined): readonly string[] {
  return [...new Set((typed ?? '').split(/[\s,]+/).filter((word) => word !== ''))];
}

/** The time that lies so many hours after `now`, milliseconds; null when no sound length was typed. */
export function untilOf(hours: string | undefined, now: number): number | null {
  const length = Number(hours);
  return length > 0 && Number.isFinite(length) ? Math.round(now + length * 3_600_000) : null;
}
