import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const run = promisify(execFile);
const folder = path.resolve(import.meta.dirname, '..');

interface Report {
  readonly bench: string;
  readonly figures: readonly Readonly<Record<string, unknown>>[];
}

/** Runs a benchmark with sizes that say nothing about speed. */
async function report(name: string, ...sizes: readonly string[]): Promise<Report> {
  const flags = ['--expose-gc', '--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];
  const { stdout } = await run(process.execPath, [...flags, `${name}.ts`, ...sizes, '--json'], { cwd: folder });
  return JSON.parse(stdout) as Report;
}

/** Everything that is no text is a number above zero. */
function checkFigures({ figures }: Report): void {
  for (const figure of figures) {
    for (const [key, value] of Object.entries(figure)) {
      if (typeof value === 'string') continue;
      expect({ ...figure, at: key, isMeasured: typeof value === 'number' && value > 0 }).toMatchObject({
        isMeasured: true,
      });
    }
  }
}

test('host-calls measures every kind of call beside the echo and the insert', async () => {
  const found = await report('host-calls', '50', '1');
  expect(found.figures.filter(({ window }) => window === 1)).toHaveLength(5);
  expect(found.figures.filter(({ window }) => window === 40)).toHaveLength(6);
  checkFigures(found);
}, 120_000);

test('host-fanout measures every query beside the bare server', async () => {
  const found = await report('host-fanout', '10', '2', '1');
  expect(found.figures).toHaveLength(6);
  checkFigures(found);
}, 120_000);

// host-snapshot and host-recovery take too long for every run: each of them counts the rows it gets when it is run.

test('host-subscriptions evaluates nothing for rows that concern nobody', async () => {
  const found = await report('host-subscriptions', '5', '50', '1');
  expect(found.figures.map(({ kind, standing }) => `${kind} ${standing}`)).toHaveLength(8);
  checkFigures({ ...found, figures: found.figures.map(({ standing, evaluations, ...rest }) => rest) });
  expect(found.figures.every(({ evaluations }) => evaluations === 0)).toBe(true);
}, 120_000);

// With fewer connections, what the host collects late can be more than what they take.
test('host-idle measures connections beside those of the bare server', async () => {
  const found = await report('host-idle', '300', '1');
  expect(found.figures.map(({ name }) => name)).toEqual([
    'bare ws',
    'host',
    'host, one query for all',
    'host, a query each',
  ]);
  expect(found.figures.every(({ heap_bytes }) => Number(heap_bytes) > 0)).toBe(true);
}, 120_000);
