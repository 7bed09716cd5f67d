import { gateIds } from '@autopilot/cutover-flags';
import type { GateReport } from '../control/answers.ts';
import { count, duration } from './amounts.ts';
import type { Page } from './page.ts';
import type { Tone } from './style.ts';
import type { Cell } from './table.ts';

const tones: Readonly<Record<string, Tone>> = { pass: 'good', fail: 'bad', inconclusive: 'warn', none: 'dim' };

/** What each gate saw last and how old it is; a gate without a receipt has a row that says so. */
export function showGates(page: Page, gates: readonly GateReport[]): void {
  const rows = gateIds.flatMap((gate): Cell[][] => {
    const receipts = gates.filter((each) => each.gate === gate);
    if (receipts.length === 0) return [[gate, { text: 'none', tone: 'dim' }, '-', 'There is no receipt.']];
    return receipts.map((receipt) => [
      gate,
      { text: receipt.verdict, tone: tones[receipt.verdict] ?? 'bad' },
      receipt.age_ms < 1_000 ? 'now' : duration(receipt.age_ms),
      seen(receipt),
    ]);
  });
  page.table([{ head: 'gate', least: 16 }, { head: 'verdict' }, { head: 'age' }, { head: 'seen', least: 24 }], rows);
}

function seen({ reason, counts, packages }: GateReport): string {
  const names = Object.entries(packages).map(([name, version]) => `${name.replace('@autopilot/', '')} ${version}`);
  const of = names.length === 0 ? '' : names.length > 4 ? ` Of ${names.length} packages.` : ` Of ${names.join(', ')}.`;
  const events = counts.events === 0 ? '' : `, ${count(counts.events)} events`;
  return `${reason} ${count(counts.cases)} cases${events}.${of}`;
}
