import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect } from '@jest/globals';

const root = path.join(import.meta.dirname, '..');
// Most of a small run is compiling the same sources once more, in up to three processes.
const compiled = mkdtempSync(path.join(tmpdir(), 'bench-compiled-'));
afterAll(() => rmSync(compiled, { recursive: true, force: true }));

/** Milliseconds: starts several processes, on a machine that may be busy with others. */
export const patience = 120_000;

/** A figure as a benchmark prints it. */
type Figure = Readonly<Record<string, unknown>> & { readonly name: string; readonly counted: number };

/**
 * Runs a benchmark with --json, as its script does, and requires that it has printed one report with its machine, and that
 * all of `needed` are finite and above 0 in every figure.
 */
export async function runBench(name: string, args: readonly string[], needed: readonly string[]): Promise<Figure[]> {
  const report = JSON.parse(await output(name, args)) as { bench: string; machine: unknown; figures: Figure[] };
  expect(report.bench).toBe(name);
  expect(report.machine).toMatchObject({ node: process.version, load_before: expect.any(Number) });
  expect(report.figures.length).toBeGreaterThan(0);
  for (const figure of report.figures) {
    for (const member of ['counted', ...needed]) {
      const what = `${figure.name}: ${member}`;
      expect([what, Number.isFinite(figure[member]) && Number(figure[member]) > 0]).toEqual([what, true]);
    }
  }
  return report.figures;
}

function output(name: string, args: readonly string[]): Promise<string> {
  const flags = ['--expose-gc', '--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];
  return new Promise((resolve, reject) => {
    const options = { cwd: root, env: { ...process.env, NODE_COMPILE_CACHE: compiled } };
    execFile(process.execPath, [...flags, `${name}.ts`, ...args, '--json'], options, (error, stdout, stderr) => {
      // `decide` ends with 1 when it is too slow, which is no failure of a test.
      if (error === null || (name === 'decide' && stdout !== '')) resolve(stdout);
      else reject(new Error(`${name} failed: ${stderr}`, { cause: error }));
    });
  });
}
