import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkGateMap, gateScript, homes, measuring, readGateMap } from '../gate/gate-map.ts';
import { type FileTree, withTree } from './temporary-folder.ts';

const cases = { tests: ['test/a.test.ts'], minimum_cases: 1, minimum_events: 0 };

function packageAt(folder: string, gates: object, script = gateScript): FileTree {
  return {
    [`${folder}/package.json`]: { name: folder, version: '1.0.0', scripts: { gate: script } },
    [`${folder}/gates.json`]: gates,
    [`${folder}/test/a.test.ts`]: 'test',
  };
}

/** A repository in which every gate has what it needs. */
const whole: FileTree = Object.assign(
  {},
  ...[...new Set(Object.values(homes).flat())].map((folder) => {
    const gates = Object.entries(homes).filter(([, folders]) => folders.includes(folder));
    return packageAt(folder, Object.fromEntries(gates.map(([gate]) => [gate, cases])));
  }),
);

const check = (tree: FileTree) => {
  let result: readonly string[] = ['not checked'];
  return withTree(tree, (root) => {
    result = checkGateMap(root, readGateMap(root));
  }).then(() => result);
};
const without = (tree: FileTree, prefix: string): FileTree =>
  Object.fromEntries(Object.entries(tree).filter(([file]) => !file.startsWith(prefix)));

describe('the map of gates to packages', () => {
  test('is whole when every gate has cases in every package it belongs to', async () => {
    expect(await check(whole)).toEqual([]);
  });

  test.each(Object.entries(homes).flatMap(([gate, folders]) => folders.map((folder) => [gate, folder] as const)))(
    '%s without cases in %s is found',
    async (gate, folder) => {
      const findings = await check(without(whole, `${folder}/gates.json`));
      expect(findings).toContain(`${folder}: has no cases for the gate ${gate}; name them in its gates.json`);
    },
  );

  test.each(Object.keys(homes))('%s without any package is found', async (gate) => {
    const folders = homes[gate as keyof typeof homes] ?? [];
    const findings = await check(folders.reduce((tree, folder) => without(tree, `${folder}/`), whole));
    expect(findings).toContain(`${gate}: no package runs this gate`);
  });

  test('a test file that is missing, and a script that is another one, are found', async () => {
    const [folder = ''] = homes.rulebook ?? [];
    expect(await check(without(whole, `${folder}/test/`))).toEqual([
      `${folder}: rulebook names test/a.test.ts, which is missing`,
    ]);
    const findings = await check({ ...whole, ...packageAt(folder, { rulebook: cases }, 'true') });
    expect(findings).toEqual([`${folder}/package.json: its script "gate" has to be: ${gateScript}`]);
  });

  test.each<[string, object]>([
    ['no gate', {}],
    ['a gate that does not exist', { 'replay-determinsm': cases }],
    ['no test', { rulebook: { ...cases, tests: [] } }],
    ['no least number of cases', { rulebook: { ...cases, minimum_cases: 0 } }],
    ['a least number of events that is no number', { rulebook: { ...cases, minimum_events: null } }],
    ['no time at all', { rulebook: { ...cases, longest_seconds: 0 } }],
    ['an unknown member', { rulebook: { ...cases, skip: true } }],
  ])('a gates.json with %s is refused', async (_what, gates) => {
    await withTree(packageAt('packages/one', gates), (root) => {
      expect(() => readGateMap(root)).toThrow(/packages\/one\/gates\.json/);
    });
  });

  test('what measures is a package with a gate', () => {
    const names = readGateMap(path.join(import.meta.dirname, '..', '..')).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([...measuring]));
  });

  test('the one of this repository can be read', () => {
    expect(readGateMap(path.join(import.meta.dirname, '..', '..')).length).toBeGreaterThan(0);
  });
});
