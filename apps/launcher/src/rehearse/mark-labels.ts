import type { Mark } from './timeline.ts';

/** A label of the plot: marks of one kind that are too close together to be told apart share it. */
export interface MarkLabel {
  readonly kind: Mark['kind'];
  /** Where the first of them stands, in the plot's units. */
  readonly x: number;
  readonly label: string;
  /** What was done, all of it. */
  readonly title: string;
  /** Rows count from the bottom, where the lines begin. */
  readonly row: number;
  /** Whether the label stands to the left of its line: it would run out of the plot on the right. */
  readonly before: boolean;
}

/** Marks closer than this are one. */
const same = 7;
/** Between a label and the next one in its row, and between a label and its line. */
const gap = 6;
export const labelOffset = 3;
/** Wide enough for a letter of the plot's font: labels must not overlap in any font that a browser takes. */
const letter = 6.6;

/** Short names of marks, in rows where no two overlap. `left` and `right` are the ends of the plot. */
export function markLabels(
  marks: readonly Mark[],
  x: (at: number) => number,
  { left, right }: { readonly left: number; readonly right: number },
): readonly MarkLabel[] {
  const groups: { kind: Mark['kind']; x: number; name: string; titles: string[] }[] = [];
  for (const mark of [...marks].sort((a, b) => a.at - b.at)) {
    const at = x(mark.at);
    const name = nameOf(mark);
    const near = groups.find((group) => group.name === name && at - group.x < same);
    if (near === undefined) groups.push({ kind: mark.kind, x: at, name, titles: [mark.text] });
    else near.titles.push(mark.text);
  }
  /** What is taken of each row, from and to. */
  const rows: [number, number][][] = [];
  return groups.map(({ kind, x: at, name, titles }) => {
    const label = titles.length === 1 ? name : `${name} ×${titles.length}`;
    const wide = label.length * letter + labelOffset + gap;
    const before = at + wide > right && at - wide >= left;
    const [from, to] = before ? [at - wide, at] : [at, at + wide];
    const free = (row: readonly [number, number][]) => row.every(([start, end]) => to <= start || from >= end);
    const found = rows.findIndex(free);
    const row = found === -1 ? rows.length : found;
    rows[row] = [...(rows[row] ?? []), [from, to]];
    return { kind, x: at, label, title: titles.join('; '), row, before };
  });
}

function nameOf({ kind, text }: Mark): string {
  if (kind === 'flip') return text.replace('to ', '');
  if (kind === 'cohort') return text;
  return kind === 'rollback' ? 'back' : kind;
}
