import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { withoutLane } from '../../stage3/lane-text.ts';
import { khalaRemoval } from '../../stage3/removal.ts';

const without = (file: string, ...lines: readonly string[]) =>
  withoutLane(file, lines.join('\n'), khalaRemoval)?.split('\n');

describe('a document without what is there for the lane', () => {
  test('loses marked blocks with their marks, and rows with a mark', () => {
    const kept = without(
      'README.md',
      '| a | 1 |',
      '| `--khala` | where it is <!-- khala --> |',
      '| b | 2 |',
      '',
      '<!-- khala:begin -->',
      '## The old lane',
      '<!-- khala:end -->',
      '',
      'The end.',
    );
    expect(kept).toEqual(['| a | 1 |', '| b | 2 |', '', 'The end.']);
  });

  test('keeps what is not marked, also when it names the lane, and empty lines elsewhere', () => {
    expect(without('README.md', 'The khala lane.', '', '', 'Two.')).toBeUndefined();
  });

  test.each([
    ['a block that is not closed', ['<!-- khala:begin -->', 'a']],
    ['a block that was not opened', ['a', '<!-- khala:end -->']],
    ['a block in a block', ['<!-- khala:begin -->', '<!-- khala:begin -->', '<!-- khala:end -->']],
  ])('%s is refused with its file', (_what, lines) => {
    expect(() => without('docs/a.md', ...lines)).toThrow('docs/a.md');
  });
});

test('the marks in the documents of this repository come in pairs', () => {
  const root = path.join(import.meta.dirname, '..', '..', '..');
  const names = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
  const documents = names.filter((file) => existsSync(path.join(root, file)));
  const marked = documents.filter(
    (file) => withoutLane(file, readFileSync(path.join(root, file), 'utf8'), khalaRemoval) !== undefined,
  );
  expect(marked).toContain('docs/architecture.md');
});

describe('other texts without what is there for the lane', () => {
  test('exports of files that are gone go; imports of them stay to be found', () => {
    const kept = without(
      'testing/src/index.ts',
      "export { freePort } from './free-port.ts';",
      "export { type KhalaServer, startKhala } from './khala/start-khala.ts';",
      "import { startKhala } from './khala/start-khala.ts';",
      "export { loadKhala } from './load-khala.ts';",
    );
    expect(kept).toEqual([
      "export { freePort } from './free-port.ts';",
      "import { startKhala } from './khala/start-khala.ts';",
      "export { loadKhala } from './load-khala.ts';",
    ]);
  });

  test('lists of settings lose the files that are gone', () => {
    const settings = {
      apps: { entry: ['src/main.ts', 'src/lanes/khala.ts', 'src/rehearse/main.ts'], ignore: { testing: ['khala'] } },
    };
    const kept = withoutLane('knip.json', JSON.stringify(settings), khalaRemoval);
    expect(JSON.parse(kept ?? '')).toEqual({ apps: { entry: ['src/main.ts'], ignore: { testing: ['khala'] } } });
    expect(withoutLane('knip.json', '{"entry":["src/main.ts"]}', khalaRemoval)).toBeUndefined();
  });

  test('lines of scripts that end in the mark go', () => {
    expect(without('.ci/run', "gate 'removal' stage3 # khala", 'build # khala lane', 'test')).toEqual([
      'build # khala lane',
      'test',
    ]);
  });
});
