// `pnpm mutate`: changes the deciding parts of a package one spot at a time, and tells which changes its tests do not
// notice. Ends with 1 when there is one that equivalent.json does not explain.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type MutantResult, mutateTarget } from './mutate-target.ts';
import { summaryOf } from './summary.ts';
import { type EquivalentMutant, targets } from './targets.ts';

const root = path.join(import.meta.dirname, '..', '..');
const say = (line: string) => process.stdout.write(`${line}\n`);
const usage = `pnpm mutate [package...] [options]

  package       ${Object.keys(targets).join(', ')} (default all)
  --verbose     show every mutant, and the test that noticed it
  --help        this

Ends with 0 when every mutant was noticed or is known to be equivalent, 1 when one was not, 2 for a mistake on the
command line.`;

function show({ file, line, from, to, outcome, by, reason }: MutantResult): string {
  const cut = (text: string) => (text.length > 90 ? `${text.slice(0, 90)}...` : text);
  const why = reason === undefined ? (outcome === 'killed' ? ` (${by})` : '') : ` (equivalent: ${reason})`;
  return `${outcome.padEnd(9)} ${file}:${line}  ${cut(from)} -> ${cut(to)}${why}`;
}

/** What was asked for, or what is wrong with it. */
function readLine() {
  try {
    const line = parseArgs({
      allowPositionals: true,
      options: { verbose: { type: 'boolean' }, help: { type: 'boolean' } },
    });
    const unknown = line.positionals.filter((name) => !Object.hasOwn(targets, name));
    return unknown.length === 0 ? line : `There is nothing to mutate in ${unknown.join(', ')}.`;
  } catch (error) {
    return (error as Error).message;
  }
}

async function main(): Promise<number> {
  const given = readLine();
  if (typeof given === 'string') {
    process.stderr.write(`${given}\n\n${usage}\n`);
    return 2;
  }
  const { positionals, values } = given;
  if (values.help === true) {
    say(usage);
    return 0;
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
