import type { Style, Tone } from './style.ts';
import { pad, plain, widthOf, wrap } from './text.ts';

/** One column. */
export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
  /** Narrowest width when room is short; a column without one is narrowed last. */
  readonly least?: number;
}

/** One cell. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

const gap = 2;

/** A table that fits `width` columns: cells are wrapped, nothing is cut off. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number, style: Style) {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'string' ? { text: cell, tone: 'none' as Tone } : cell)),
  );
  const safe = cells.map((row) => row.map(({ text, tone }) => ({ text: plain(text), tone })));
  const natural = columns.map(({ head }, index) =>
    Math.max(widthOf(head), ...safe.map((row) => widthOf(row[index]?.text ?? ''))),
  );
  const widths = fit(natural, columns, width - gap * (columns.length - 1));
  const lines = [
    columns.map(({ head, align }, index) => style(pad(head, widths[index] ?? 0, align), 'dim')),
    ...safe.flatMap((row) => rowLines(row)),
  ];
  return lines.map((parts) => trimEnd(parts.join(' '.repeat(gap))));

  function rowLines(row: readonly { readonly text: string; readonly tone: Tone }[]): string[][] {
    const wrapped = columns.map((_, index) => wrap(row[index]?.text ?? '', widths[index] ?? 1));
    const height = Math.max(...wrapped.map((cell) => cell.length));
    return Array.from({ length: height }, (_, line) =>
      columns.map(({ align }, index) => {
        const text = wrapped[index]?.[line] ?? '';
        const space = pad('', (widths[index] ?? 0) - widthOf(text));
        const shown = style(text, row[index]?.tone ?? 'none');
        return align === 'right' ? space + shown : shown + space;
      }),
    );
  }
}

/** Takes from the widest column that may become narrower, one by one, until all fit. */
function fit(natural: readonly number[], columns: readonly Column[], room: number): readonly number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, width) => sum + width, 0);
  for (const onlyWilling of [true, false]) {
    while (total() > room) {
      const floor = (index: number) => (onlyWilling ? (columns[index]?.least ?? Number.POSITIVE_INFINITY) : 3);
      const candidates = widths.map((width, index) => (width > floor(index) ? width : 0));
      const widest = Math.max(...candidates);
      if (widest === 0) break;
      const index = candidates.indexOf(widest);
      widths[index] = (widths[index] ?? 1) - 1;
    }
  }
  return widths;
}

function trimEnd(line: string): string {
  return line.replace(/ +$/, '');
}
