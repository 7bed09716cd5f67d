import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { proveRemoval, verdictOf } from '../../stage3/prove-removal.ts';
import { khalaRemoval } from '../../stage3/removal.ts';
import { type FileTree, withTree } from '../temporary-folder.ts';

// In the place of pnpm: writes down what it is asked, from where, and does what the repository's own script says.
const pnpm = `
import { appendFileSync, readFileSync } from 'node:fs';
import { execSync } from 'node:child_process';
const asked = process.argv.slice(2).join(' ');
appendFileSync(process.argv[1] + '.log', process.cwd() + ': ' + asked + '\\n');
const { does = {} } = JSON.parse(readFileSync('package.json', 'utf8'));
for (const [words, command] of Object.entries(does)) {
  if (asked.includes(words)) execSync(command, { stdio: 'inherit' });
}
`;

const lane = '@autopilot/legacy-lane';

const app = (name: string): FileTree => ({
  [`apps/${name}/package.json`]: { name, dependencies: { [lane]: 'workspace:^' } },
  [`apps/${name}/src/main.ts`]: "const file: string = './lanes/khala.ts';\nawait import(file).catch(() => {});\n",
  [`apps/${name}/src/lanes/khala.ts`]: `import '${lane}';\n`,
  [`apps/${name}/test/khala/lane.test.ts`]: "import '../../src/lanes/khala.ts';\n",
  [`apps/${name}/test/main.test.ts`]: '',
});

const repository = (does: object): FileTree => ({
  'package.json': { packageManager: 'pnpm@0.0.0', does: { 'run test': 'echo 3 passed, 0 failed, 0 skipped', ...does } },
  'pnpm-lock.yaml': 'importers:\n\n  packages/legacy-lane:\n    dependencies:\n',
  'packages/legacy-lane/package.json': { name: lane },
  'packages/legacy-lane/src/index.ts': '',
  'untracked.ts': '',
  ...app('control'),
  ...app('desktop'),
});

/** One in which nothing speaks of the lane once it is gone. */
const silent: FileTree = { ...repository({}), 'apps/control/src/main.ts': '', 'apps/desktop/src/main.ts': '' };

const before = process.env.AUTOPILOT_PNPM;
afterEach(() => {
  if (before === undefined) delete process.env.AUTOPILOT_PNPM;
  else process.env.AUTOPILOT_PNPM = before;
});

/** Proves the removal of a repository made of files; gives what was said and what pnpm was asked. */
async function prove(
  tree: FileTree,
  options: { readonly noTests?: boolean } = {},
): Promise<{ proved: boolean; said: string; asked: string; copy: string; verdict: string }> {
  let result = { proved: false, said: '', asked: '', copy: '', verdict: '' };
  await withTree({ 'pnpm.mjs': pnpm }, async (tool) => {
    await withTree(tree, async (root) => {
      const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: root, stdio: 'ignore' });
      git('init', '-q');
      git('add', '.');
      git('rm', '-q', '--cached', 'untracked.ts');
      const program = path.join(tool, 'pnpm.mjs');
      process.env.AUTOPILOT_PNPM = `${process.execPath} ${program}`;
      const said: string[] = [];
      const say = (line: string) => said.push(line);
      const proof = await proveRemoval({ root, removal: khalaRemoval, keep: false, say, ...options });
      const log = existsSync(`${program}.log`) ? readFileSync(`${program}.log`, 'utf8') : '';
      const copy = log.split(': ')[0] ?? '';
      const asked = log.replaceAll(`${copy}: `, '');
      result = { proved: proof.proved, said: said.join('\n'), asked, copy, verdict: verdictOf(proof) };
      // The repository itself is as it was.
      expect(existsSync(path.join(root, 'packages/legacy-lane/src/index.ts'))).toBe(true);
    });
  });
  return result;
}

describe('the proof of removal', () => {
  test('installs, checks, builds and tests a copy without the lane, and leaves nothing behind', async () => {
    const { proved, said, asked, copy } = await prove(repository({ typecheck: 'test -z "$(ls packages)"' }));
    expect(said).toContain('Removal is deletion');
    expect(proved).toBe(true);
    expect(asked.trimEnd().split('\n')).toEqual([
      'install --offline --frozen-lockfile',
      '--filter=control --filter=desktop run typecheck',
      '--filter=control... --filter=desktop... run --if-present build',
      'run test apps/control apps/desktop --testPathIgnorePatterns=.long.test.ts',
    ]);
    expect(said).toContain('6 files deleted; taken out of apps/control/package.json, apps/desktop/package.json');
    expect(said).toContain('3 passed, 0 failed, 0 skipped');
    expect(copy).not.toBe('');
    expect(existsSync(copy)).toBe(false);
  });

  test('asks the registry for what the store does not have', async () => {
    const { proved, asked } = await prove(repository({ '--offline': 'exit 1' }));
    expect(proved).toBe(true);
    expect(asked).toContain('install --prefer-offline --no-frozen-lockfile');
  });

  test.each(['install', 'typecheck', 'build', 'run test'])(
    'fails, with its last lines, when "%s" fails',
    async (words) => {
      const { proved, said, copy } = await prove(repository({ [words]: 'echo the reason >&2; exit 1' }));
      expect(proved).toBe(false);
      expect(said).toMatch(/FAILED: [\s\S]*the reason/);
      expect(existsSync(copy)).toBe(false);
    },
  );

  test.each(['echo', 'echo 0 passed, 0 failed, 0 skipped'])('fails when no test ran: %s', async (command) => {
    const { proved, said } = await prove(repository({ 'run test': command }));
    expect([proved, said.includes('No test ran')]).toEqual([false, true]);
  });

  test('fails when the code still refers to what is gone, and says where, before anything is installed', async () => {
    const { proved, said, asked } = await prove({
      ...repository({}),
      'apps/control/src/eager.ts': "\nimport { openKhalaTarget } from './lanes/khala.ts';\n",
    });
    expect([proved, asked]).toEqual([false, '']);
    expect(said).toContain('apps/control/src/eager.ts:2: ');
  });

  test('fails when an app can still load the package', async () => {
    const { proved, said } = await prove(
      repository({
        install:
          'mkdir -p node_modules/@autopilot/legacy-lane && echo {} > node_modules/@autopilot/legacy-lane/package.json',
      }),
    );
    expect([proved, said.includes('can still load @autopilot/legacy-lane')]).toEqual([false, true]);
  });

  test('fails when what is built still holds the lane', async () => {
    const { proved, said } = await prove(
      repository({
        '--if-present build': 'mkdir -p apps/desktop/dist && echo "createKhalaLane()" > apps/desktop/dist/app.js',
      }),
    );
    expect([proved, /apps\/desktop\/dist\/app\.js:1: bundle: /.test(said)]).toEqual([false, true]);
  });

  test('says how much still speaks of the lane, and does not take it for more than it is', async () => {
    const { proved, said } = await prove({ ...repository({}), 'docs/lanes.md': 'Connect to the khala lane.\n' });
    expect([proved, /still to be reworded: .*1 document/.test(said)]).toEqual([true, true]);
  });

  test('without the tests says so, and is never more than inconclusive for a receipt', async () => {
    const { proved, said, asked, verdict } = await prove(silent, { noTests: true });
    expect([proved, asked.includes('run test'), verdict]).toEqual([true, false, 'inconclusive']);
    expect(said).toMatch(/THE TESTS OF THE APPS ARE LEFT OUT[\s\S]*this is not the proof/);
    expect((await prove(silent)).verdict).toBe('pass');
  });

  test('an allow file at the root excuses what it names, and a leftover beside it still fails', async () => {
    const entry = { path: 'docs/old.md', owner: 'maintainers', reason: 'history', expires: '2999-01-01' };
    const excused = {
      ...silent,
      'removal-allow.json': { form: 'autopilot.removal-allow.v1', entries: [entry] },
      'docs/old.md': 'Connect to the khala lane.\n',
    };
    expect((await prove(excused)).verdict).toBe('pass');
    const seeded = await prove({ ...excused, 'docs/new.md': 'Connect to the khala lane.\n' });
    expect(seeded.verdict).toBe('fail');
  });

  test('fails when there is nothing to remove', async () => {
    const tree = Object.entries(repository({})).filter(([file]) => file !== 'apps/desktop/src/lanes/khala.ts');
    const { proved, said } = await prove(Object.fromEntries(tree));
    expect([proved, said.includes('apps/desktop/src/lanes/khala.ts is not there')]).toEqual([false, true]);
  });
});
