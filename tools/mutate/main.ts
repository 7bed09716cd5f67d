// `pnpm mutate [package...] [--verbose]`: changes the deciding parts of a package one spot at a time, and tells which
// changes its tests do not notice. Ends with 1 when there is one that equivalent.json does not explain.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type MutantResult, mutateTarget } from './mutate-target.ts';
import { summaryOf } from './summary.ts';
import { type EquivalentMutant, targets } from './targets.ts';

const root = path.join(import.meta.dirname, '..', '..');
const say = (line: string) => process.stdout.write(`${line}\n`);

function show({ file, line, from, to, outcome, by, reason }: MutantResult): string {
  const cut = (text: string) => (text.length > 90 ? `${text.slice(0, 90)}...` : text);
  const why = reason === undefined ? (outcome === 'killed' ? ` (${by})` : '') : ` (equivalent: ${reason})`;
  return `${outcome.padEnd(9)} ${file}:${line}  ${cut(from)} -> ${cut(to)}${why}`;
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { verbose: { type: 'boolean' } } });
  const unknown = positionals.filter((name) => !Object.hasOwn(targets, name));
  if (unknown.length > 0) {
    process.stderr.write(
      `There is nothing to mutate in ${unknown.join(', ')}; name ${Object.keys(targets).join(', ')}.\n`,
    );
    return 2;
  }
  const equivalents: readonly EquivalentMutant[] = JSON.parse(
    readFileSync(path.join(import.meta.dirname, 'equivalent.json'), 'utf8'),
  );
  let good = true;
  for (const [name, target] of Object.entries(targets)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const each = (result: MutantResult) => {
      const isNews = result.outcome === 'survived' && result.reason === undefined;
      if (values.verbose === true || isNews) say(show(result));
    };
    const { results, findings } = await mutateTarget(root, target, equivalents, { each });
    for (const finding of findings) say(`equivalent.json: ${finding}`);
    const summary = summaryOf(results);
    say(`${name}: ${summary.text}`);
    good &&= summary.survived === 0 && findings.length === 0 && results.length > 0;
  }
  return good ? 0 : 1;
}

process.exitCode = await main();
