import type { Seen } from './record.ts';
import { headOf, type RowText } from './rows.ts';
import { digestOf } from './state.ts';

/** Faults of a subscriber's own, which the check must find. */
export const defectNames = ['lose', 'skip', 'repeat', 'reorder', 'split', 'unhappen', 'stale'] as const;
export type DefectName = (typeof defectNames)[number];

/** Every so many transactions a defect strikes. */
const every = 25;

/**
 * What a client with a defect would have shown in place of what a good one has. Its cache is made of its own changes,
 * so that nothing but the defect is wrong.
 */
export function withDefect(defect: DefectName): (seen: Seen) => Seen[] {
  const rows = new Set<RowText>();
  let count = 0;
  let held: Seen | undefined;
  const told = (seen: Seen): Seen => {
    if (seen.source === 'baseline') rows.clear();
    for (const row of seen.out) rows.delete(row);
    for (const row of seen.in) rows.add(row);
    return { ...seen, view: { n: headOf(rows) ?? null, digest: digestOf(rows) } };
  };
  return (seen) => {
    if (seen.source !== 'transaction') {
      held = undefined;
      // The oldest mistake of reconnecting: the new rows are added and the ones that are gone stay.
      return [told(defect === 'stale' && seen.source === 'resync' ? { ...seen, out: seen.out.filter(isHead) } : seen)];
    }
    if (held !== undefined) {
      const before = held;
      held = undefined;
      return [told(seen), told(before)];
    }
    count += 1;
    if (count % every !== 0) return [told(seen)];
    const { in: incoming, out: outgoing } = seen;
    switch (defect) {
      case 'lose': {
        const keep = (row: RowText) => !row.startsWith('account:');
        return [told({ ...seen, in: incoming.filter(keep), out: outgoing.filter(keep) })];
      }
      case 'skip':
        return [];
      case 'repeat':
        return [told(seen), told(seen)];
      case 'reorder':
        held = seen;
        return [];
      case 'split': {
        const first = (row: RowText) => row.startsWith('account:');
        const rest = (row: RowText) => !first(row);
        return [
          told({ ...seen, in: incoming.filter(first), out: outgoing.filter(first), events: [] }),
          told({ ...seen, in: incoming.filter(rest), out: outgoing.filter(rest) }),
        ];
      }
      case 'unhappen':
        // As if the server had taken the transaction back: one of another time was shown in its place.
        return [told({ ...seen, in: incoming.map((row) => (row.startsWith('entry:') ? atOtherTime(row) : row)) })];
      case 'stale':
        return [told(seen)];
    }
  };
}

/** An entry ends with its time. */
function atOtherTime(row: RowText): RowText {
  return `${row.slice(0, -1)}${row.endsWith('0') ? 1 : 0}`;
}

function isHead(row: RowText): boolean {
  return row.startsWith('head:');
}
