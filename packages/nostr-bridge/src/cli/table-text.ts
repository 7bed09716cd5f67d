/** Columns as wide as what is in them. @param none What is said instead of a table without rows. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[], none: string): string {
  if (rows.length === 0) return none;
  const printable = rows.map((row) => row.map(plain));
  const widths = head.map((name, column) => Math.max(name.length, ...printable.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...printable.map(line)].join('\n');
}

/** Relays and customers write some of it: nothing of theirs may command a terminal. */
function plain(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?');
}
