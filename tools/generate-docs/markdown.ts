/** A table in Markdown; cells are escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line), ''].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** As code, or a dash for nothing. */
export function code(text: string): string {
  return text === '' ? '-' : `\`${text}\``;
}

/**
 * Marks what a document says of the lane to leave, so that it goes with the lane; where the lane is gone already such
 * lines are left out. `word` is the name of the lane.
 */
export function markLane(text: string, words: RegExp, word: string, present: boolean): string {
  const lines = text.split('\n').flatMap((line) => {
    if (!words.test(line)) return [line];
    if (!present) return [];
    const mark = `<!-- ${word} -->`;
    return [line.endsWith(' |') ? `${line.slice(0, -1)}${mark} |` : `${line} ${mark}`];
  });
  return lines.join('\n');
}
