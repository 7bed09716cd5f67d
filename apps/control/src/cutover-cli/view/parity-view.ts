import { type ComparisonCounts, comparisonResults, renderDiff, type Sample } from '@autopilot/cutover-flags/parity';
import { count, share } from './amounts.ts';
import type { Page } from './page.ts';
import type { Tone } from './style.ts';

const tones: Readonly<Partial<Record<keyof ComparisonCounts, Tone>>> = { match: 'good', ignored: 'warn', late: 'warn' };

/** How many positions came out otherwise than the same, and were excused by no rule. */
export function differences(counts: ComparisonCounts): number {
  const { mismatch, missing_left, missing_right, extra, reordered } = counts;
  return mismatch + missing_left + missing_right + extra + reordered;
}

/** What there was to match: nothing that a rule excuses. */
export function judged(counts: ComparisonCounts): number {
  return counts.match + differences(counts);
}

/** Counts by result, those that are zero as well: a zero is a statement. */
export function showCounts(page: Page, counts: ComparisonCounts): void {
  page.table(
    [{ head: 'result' }, { head: 'count', align: 'right' }, { head: 'share', align: 'right' }],
    comparisonResults.map((result) => {
      const value = counts[result];
      const tone: Tone = value === 0 ? 'dim' : (tones[result] ?? 'bad');
      const counted = result === 'ignored' || result === 'late' ? '-' : share(value, judged(counts));
      return [
        { text: result, tone },
        { text: count(value), tone },
        { text: counted, tone },
      ];
    }),
  );
}

/** Samples as readable differences. */
export function showSamples(page: Page, samples: readonly unknown[]): void {
  if (samples.length === 0) return;
  page.heading(`Samples (${samples.length})`);
  for (const sample of samples) {
    const text = isSample(sample) ? renderDiff(sample) : JSON.stringify(sample);
    for (const line of text.split('\n')) {
      const indent = line.length - line.trimStart().length;
      const tone: Tone = /^ {4}- /.test(line)
        ? 'bad'
        : /^ {4}\+ /.test(line)
          ? 'good'
          : indent === 0
            ? 'strong'
            : 'none';
      page.text(line.trimStart(), tone, indent);
    }
  }
}

function isSample(value: unknown): value is Sample {
  if (typeof value !== 'object' || value === null) return false;
  const { result, fields, diff } = value as Partial<Sample>;
  return typeof result === 'string' && Array.isArray(fields) && Array.isArray(diff);
}
