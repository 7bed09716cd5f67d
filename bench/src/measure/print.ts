/** A table for people: the first column to the left, the others to the right. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** A number with so many significant digits as say something. */
export function short(value: number | null | undefined): string {
  if (!Number.isFinite(value) || typeof value !== 'number') return '-';
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** For JSON: three decimals; what was not measured is null, never 0. */
export function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(3)) : null;
}
