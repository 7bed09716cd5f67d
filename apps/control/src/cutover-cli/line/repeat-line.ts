/** The command line again, with these options set to these values: for a retry that means exactly the same. */
export function repeatLine(given: readonly string[], settled: Readonly<Record<string, string>>): string {
  const kept: string[] = [];
  for (let index = 0; index < given.length; index += 1) {
    const word = given[index] ?? '';
    const [, name = '', inline] = /^--([a-z-]+)(=.*)?$/s.exec(word) ?? [];
    if (!Object.hasOwn(settled, name)) kept.push(word);
    else if (inline === undefined) index += 1;
  }
  const set = Object.entries(settled).flatMap(([name, value]) => [`--${name}`, value]);
  return ['cutover', ...kept, ...set].map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
