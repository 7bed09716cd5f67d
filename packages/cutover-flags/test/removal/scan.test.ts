import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type FileTree,
  type RemovalOptions,
  nodeFileTree,
  parseAllowFile,
  removalObservation,
  scanForLane,
  type TreeEntry,
} from '@autopilot/cutover-flags/removal';
import { describe, expect, test } from '@jest/globals';
import { real } from './real.ts';

const now = Date.UTC(2027, 0, 15);
const clean = { 'README.md': '# A project\n\nThe canonical sync lane is spacetime.\n', 'src/index.ts': 'export {};\n' };

function treeOf(files: Readonly<Record<string, string | Uint8Array>>, more: readonly TreeEntry[] = []): FileTree {
  const bytes = new Map(
    Object.entries(files).map(([name, content]) => [
      real(name),
      typeof content === 'string' ? new TextEncoder().encode(real(content)) : content,
    ]),
  );
  return {
    list: () => [...[...bytes].map(([name, content]) => ({ path: name, size: content.length })), ...more],
    read: async (name) => {
      const content = bytes.get(name);
      if (content === undefined) throw new Error('no such file');
      return content;
    },
  };
}

function scan(files: Readonly<Record<string, string | Uint8Array>>, options: Partial<RemovalOptions> = {}) {
  return scanForLane(treeOf(files), { clock: { now: () => now }, ...options });
}

/** What is found in one file beside clean ones, as `line kind`. */
async function found(name: string, text: string, options: Partial<RemovalOptions> = {}): Promise<readonly string[]> {
  const { findings, verdict } = await scan({ ...clean, [name]: text }, options);
  expect(verdict).toBe(findings.length === 0 ? 'pass' : 'fail');
  expect(findings.every(({ file, next }) => file === real(name) && next !== '')).toBe(true);
  return findings.map(({ line, kind }) => `${line} ${kind}`);
}

describe('imports', () => {
  test.each([
    ['static', "\nimport { createKhalaLane } from '@LEGACY';", 2],
    ['over several lines', "import {\n  a,\n} from '@LEGACY/readers';", 3],
    ['for its effects', "import '@LEGACY';", 1],
    ['dynamic', "const lane = await import('@LEGACY');", 1],
    ['require', "const lane = require('@LEGACY');", 1],
    ['export from', "export * from '@LEGACY';", 1],
    ['dynamic over two lines', "await import(\n  '@LEGACY'\n);", 2],
    ['resolved', "require.resolve('@LEGACY');", 1],
    ['mocked', "jest.unstable_mockModule('@LEGACY', () => ({}));", 1],
    ['of the lane file', "await import('./lanes/@LANE.ts');", 1],
    ['of the lane file as built', "await import('./lanes/@LANE.js');", 1],
    ['of the lane file without its extension', "import lane from './lanes/@LANE';", 1],
    ['of the folder of the package', "import '../../../packages/@FOLDER/src/index.ts';", 1],
  ])('V1 %s', async (_, text, line) => {
    expect(await found('apps/desktop/src/main.ts', text)).toEqual([`${line} import`]);
  });

  test.each([
    ['the package', "const name = '@LEGACY';\nawait import(name);"],
    ['the lane file', "const place: string = './lanes/@LANE.ts';\nawait import(place);"],
    ['the package in a comment', '// see @LEGACY'],
  ])('V1 code that names %s without loading it is a finding too', async (_, text) => {
    expect(await found('apps/desktop/src/main.ts', text)).toEqual(['1 config']);
  });

  test('V1 packages and files with a similar name are not the lane', async () => {
    const text = "import '@LEGACY-tools';\nimport './lanes/khalasar.ts';\nimport './lanes/spacetime.ts';";
    expect(await found('src/main.ts', text)).toEqual([]);
  });
});

test('V2 manifests: dependencies, workspaces, exports and references', async () => {
  const manifest = {
    dependencies: { '@LEGACY': 'workspace:^' },
    workspaces: ['packages/@FOLDER'],
    exports: { './khala': './dist/khala.js' },
  };
  expect(await found('apps/desktop/package.json', JSON.stringify(manifest, null, 2))).toEqual([
    '3 manifest',
    '6 manifest',
    '9 manifest',
  ]);
  expect(await found('pnpm-workspace.yaml', 'packages:\n  - packages/@FOLDER\n')).toEqual(['2 manifest']);
  expect(await found('tsconfig.json', '{"references":[{"path":"packages/@FOLDER"}]}')).toEqual(['1 manifest']);
});

test.each([
  ['pnpm-lock.yaml', "importers:\n  apps/desktop:\n      '@LEGACY':\n", 3],
  ['package-lock.json', '{\n"node_modules/@LEGACY": {"link": true}}', 2],
  ['yarn.lock', '"@LEGACY@workspace:^":\n  version: 0.0.0\n', 1],
])('V3 the lockfile %s', async (name, text, line) => {
  expect(await found(name, text)).toEqual([`${line} lockfile`]);
});

test('V4 bundles that still hold strings of the lane, in dist and minified', async () => {
  const bundle = `var a=1;\nfunction b(){return"phx_join"}${'x'.repeat(5_000)}"/api/khala/token"`;
  for (const name of ['apps/desktop/dist/main.js', 'apps/desktop/dist/main.js.map', 'public/app.min.js']) {
    expect(await found(name, bundle)).toEqual(['2 bundle', '2 bundle']);
  }
  // The policy goes on to know the word: it alone is no lane.
  expect(await found('apps/desktop/dist/main.js', 'const lanes=["khala","spacetime"]')).toEqual([]);
});

test('V5 toggles, by their names and by what is read from the environment', async () => {
  expect(await found('.env.production', 'A=1\nOA_SPACETIME_PRIMARY_COMMS=1\n')).toEqual(['2 toggle']);
  expect(await found('src/a.ts', 'const url = process.env.OA_KHALA_URL;')).toEqual(['1 toggle']);
  expect(await found('src/a.ts', "const url = process.env['KHALA_TOKEN'];")).toEqual(['1 toggle']);
  expect(await found('ci.yml', 'env:\n  KHALA_URL=x\n')).toEqual(['2 toggle']);
  expect(await found('src/a.ts', 'const flag = env.MY_OWN;', { toggles: ['MY_OWN'] })).toEqual(['1 toggle']);
});

test('V6 config keys and flags', async () => {
  expect(await found('deploy/values.yaml', 'lanes:\n  khala:\n    replicas: 1\n')).toEqual(['2 config']);
  expect(await found('config.toml', '[comms]\nlane = "khala"\n')).toEqual(['2 config']);
  expect(await found('tools/start.mjs', "spawn('control', ['--khala', url])")).toEqual(['1 config']);
});

test.each([
  ['a host', "const url = 'wss://khala.example.com/socket';"],
  ['a host without a scheme', "const host = 'khala-eu.example.com';"],
  ['the token path', "post('https://example.com/api/khala/token')"],
  ['the topic path', "get('/internal/v1/khala/topics/x')"],
  ['the socket topic', "join('sync:v1')"],
  ['the socket path', "connect('/sync/socket/websocket')"],
])('V7 endpoints: %s', async (_, text) => {
  expect(await found('src/a.ts', text)).toEqual(['1 endpoint']);
});

test('V7 members of a variable that is called like the lane are no host', async () => {
  const text = "khala.workers.get('a');\nkhala.url.replace('a', 'b');\nreturn khala.stats.lag;";
  expect(await found('src/a.ts', text)).toEqual([]);
});

describe('documents', () => {
  test.each([
    ['names the lane in the present', 'Events come over khala.\n\nThe khala lane is primary.', ['1', '3']],
    ['gives a command', 'Start it:\n\n```sh\nnpm start -- --khala http://x\n```\n', ['4']],
    ['gives an instruction', 'Roll back to khala when it fails.', ['1']],
    ['gives an instruction although it tells of the past', '- Use khala as it was used before.', ['1']],
    ['names it in a heading', '# Running khala\n', ['1']],
    ['names it in a sentence over two lines', 'The lane that carries the events\nis called khala here.', ['2']],
    ['mixes past and present', 'Khala was slow. Khala is still the fallback.', ['1']],
  ])('V8 a document that %s', async (_, text, lines) => {
    expect(await found('docs/runbook.md', text)).toEqual(lines.map((line) => `${line} document`));
  });

  test.each([
    ['tells of the past', 'Khala was the first lane. It used to carry everything; khala is gone.'],
    [
      'keeps a marked section',
      'Now.\n<!-- history:begin -->\nKhala is primary.\n```\n--khala\n```\n<!-- history:end -->\n',
    ],
    [
      'keeps a section of history',
      '# Now\n\n## History\n\nKhala is primary.\n\n### More\n\nUse khala.\n\n## Next\n\nFine.',
    ],
  ])('V9 a document that %s stays', async (_, text) => {
    expect(await found('docs/runbook.md', text)).toEqual([]);
  });

  test('V9 a section of history ends', async () => {
    expect(await found('docs/a.md', '## History\n\nUse khala.\n\n## Use\n\nUse khala.')).toEqual(['7 document']);
    expect(await found('docs/a.md', '<!-- history:begin -->\n<!-- history:end -->\nUse khala.')).toEqual([
      '3 document',
    ]);
  });

  test('V9 a marked section that is not closed is a finding', async () => {
    expect(await found('docs/a.md', 'a\n<!-- history:begin -->\nUse khala.')).toEqual(['2 document']);
  });

  test('V9 a changelog is history', async () => {
    expect(await found('packages/a/CHANGELOG.md', '- Khala is primary.')).toEqual([]);
  });
});

describe('leftovers', () => {
  test('V10 a retired folder is one finding, whatever is left in it', async () => {
    const tree = treeOf(clean, [
      { path: real('packages/@FOLDER'), size: 0, folder: true, tracked: false },
      { path: real('packages/@FOLDER/node_modules/x/index.js'), size: 1, tracked: false },
      { path: real('node_modules/@LEGACY'), size: 0, folder: true },
    ]);
    const { findings, verdict } = await scanForLane(tree, { clock: { now: () => now } });
    expect(verdict).toBe('fail');
    expect(findings).toMatchObject([
      { file: real('packages/@FOLDER'), line: 0, kind: 'leftover', text: expect.stringContaining('untracked') },
      { file: real('node_modules/@LEGACY'), line: 0, kind: 'leftover' },
    ]);
  });

  test('V10 a lane file is a leftover in itself', async () => {
    expect(await found('apps/desktop/src/lanes/@LANE.ts', "import '@LEGACY';")).toEqual(['0 leftover']);
  });
});

const allow = (entries: readonly object[]) => JSON.stringify({ form: 'autopilot.removal-allow.v1', entries });
const entry = { path: 'docs/**', owner: 'docs', reason: 'an essay on the cutover', expires: '2027-02-01' };

describe('allow file', () => {
  const files = { ...clean, 'docs/essay.md': 'Khala is a lane.', 'docs/use.md': 'OA_SPACETIME_PRIMARY_COMMS=1' };

  test('V11 excuses the kinds it names, until it expires', async () => {
    const result = await scan({ ...files, 'removal-allow.json': allow([entry]) });
    expect(result.findings).toMatchObject([{ file: 'docs/use.md', kind: 'toggle' }]);
    expect(result.scanned.allowed).toBe(1);
    const both = allow([{ ...entry, kinds: ['document', 'toggle'] }]);
    expect(await scan({ ...files, 'removal-allow.json': both })).toMatchObject({
      verdict: 'pass',
      scanned: { allowed: 2 },
    });
    const over = await scan({ ...files, 'removal-allow.json': allow([{ ...entry, expires: '2027-01-15' }]) });
    expect(over.findings.map(({ kind }) => kind)).toEqual(['overdue-allowance', 'document', 'toggle']);
    expect(over.findings[0]?.text).toContain('allowed by docs');
  });

  test('V11 excuses only findings that hold one of its texts, where it names some', async () => {
    const lines = ['The `old_code` of Khala is a code.', 'Khala is to be connected.'].join('\n\n');
    const narrow = allow([{ ...entry, containing: ['`old_code`', '`other`'] }]);
    const result = await scan({ ...clean, 'docs/essay.md': lines, 'removal-allow.json': narrow });
    expect(result).toMatchObject({ verdict: 'fail', findings: [{ line: 3 }], scanned: { allowed: 1 } });
    expect(() => parseAllowFile(allow([{ ...entry, containing: [] }]))).toThrow(
      expect.objectContaining({ code: 'bad_allow_file' }),
    );
  });

  test('V11 never excuses what is the lane itself', () => {
    for (const kind of ['import', 'manifest', 'lockfile', 'leftover', 'unread']) {
      expect(() => parseAllowFile(allow([{ ...entry, kinds: [kind] }]))).toThrow(
        expect.objectContaining({ code: 'bad_allow_file' }),
      );
    }
  });

  test.each([
    ['is not JSON', '{'],
    ['has no owner', allow([{ ...entry, owner: ' ' }])],
    ['has no reason', allow([{ ...entry, reason: undefined }])],
    ['has no day', allow([{ ...entry, expires: '2027-13-01' }])],
    ['has a field that nobody knows', allow([{ ...entry, more: 1 }])],
    ['has another form', JSON.stringify({ form: 'x', entries: [] })],
  ])('V11 one that %s is refused', async (_, text) => {
    await expect(scan({ ...clean, 'removal-allow.json': text })).rejects.toMatchObject({ code: 'bad_allow_file' });
  });
});

describe('verdicts', () => {
  test('V12 a clean tree passes', async () => {
    const result = await scan(clean);
    expect(result).toMatchObject({
      verdict: 'pass',
      findings: [],
      scanned: { files: 2, findings: 0 },
      from: now,
      to: now,
    });
  });

  test('V12 nothing scanned is inconclusive', async () => {
    expect((await scan({})).verdict).toBe('inconclusive');
    expect((await scan({ 'node_modules/a/index.js': 'x' })).verdict).toBe('inconclusive');
    expect((await scan({ 'a.png': new Uint8Array([1, 0, 2]) })).verdict).toBe('inconclusive');
  });

  test('V13 what cannot be read is inconclusive, and never hides a finding', async () => {
    const lost = { path: 'lost.ts', size: 1 };
    const huge = { path: 'huge.ts', size: 65 * 1024 * 1024 };
    const options = { clock: { now: () => now } };
    const result = await scanForLane(treeOf(clean, [lost, huge]), options);
    expect(result).toMatchObject({ verdict: 'inconclusive', findings: [{ kind: 'unread' }, { kind: 'unread' }] });
    const both = await scanForLane(treeOf({ ...clean, 'docs/a.md': 'Use khala.' }, [lost]), options);
    expect(both.verdict).toBe('fail');
  });

  test('V14 node_modules, .git and binary files are skipped and counted', async () => {
    const result = await scan({
      ...clean,
      'node_modules/a/index.js': "import '@LEGACY'",
      '.git/config': 'khala',
      'a.bin': new Uint8Array([107, 0]),
    });
    expect(result).toMatchObject({ verdict: 'pass', scanned: { files: 2, skipped: 2, binary: 1 } });
  });

  test('V15 findings beyond the bound are counted, and progress is told', async () => {
    const files = Object.fromEntries(Array.from({ length: 450 }, (_, n) => [`docs/${n}.md`, 'Use khala.']));
    const told: number[] = [];
    const result = await scan(files, { mostFindings: 10, onProgress: ({ files: count }) => told.push(count) });
    expect(result.findings).toHaveLength(10);
    expect(result.scanned.findings).toBe(450);
    expect(result.reason).toMatch(/^450 places/);
    expect(told).toEqual([200, 400, 450]);
    expect(removalObservation(result, environment).counts.failed).toBe(450);
  });

  test.each([[{ lane: '' }], [{ lane: 'a b' }], [{ mostBytes: 0 }], [{ mostFindings: Number.NaN }]])(
    'options that cannot be are refused: %j',
    async (options) => {
      await expect(scan(clean, options)).rejects.toMatchObject({ code: 'invalid_options' });
    },
  );
});

const environment = { packages: { app: '1.0.0' }, commit: 'c0ffee', module_schema: null, protocols: [] };

test('V16 the observation of the gate holds what was seen', async () => {
  const result = await scan({ ...clean, 'docs/a.md': 'Use khala.', 'package.json': '{"name":"khala"}' });
  expect(removalObservation(result, environment)).toMatchObject({
    gate: 'removal',
    verdict: 'fail',
    reason: expect.stringContaining('docs/a.md:1'),
    observed_from: now,
    counts: { cases: 4, failed: 2, skipped: 0 },
    measures: { findings_document: 1, findings_manifest: 1, findings_import: 0 },
    environment,
  });
  expect(removalObservation(await scan({}), environment).verdict).toBe('inconclusive');
});

test('V17 another repository gives its own names', async () => {
  const options = { lane: 'oldbus', packages: ['bus-client'], laneFiles: ['src/bus/old.*'] };
  const result = await scan(
    {
      'src/main.js': "const a = require('bus-client');\nrequire('./bus/old');",
      'docs/a.md': 'Use oldbus. Khala is fine.',
      'package-lock.json': '"node_modules/bus-client": {}',
    },
    options,
  );
  expect(result.findings.map(({ file, line, kind }) => `${file}:${line} ${kind}`)).toEqual([
    'src/main.js:1 import',
    'src/main.js:2 import',
    'docs/a.md:1 document',
    'package-lock.json:1 lockfile',
  ]);
});

test('V18 a folder on disk is read as it is, installed packages by their names', async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'removal-'));
  try {
    for (const [name, text] of Object.entries({
      'src/main.ts': "import '@LEGACY';",
      'node_modules/@LEGACY/index.js': '',
      'node_modules/other/index.js': "require('@LEGACY')",
      '.git/HEAD': 'khala',
    })) {
      mkdirSync(path.dirname(path.join(root, real(name))), { recursive: true });
      writeFileSync(path.join(root, real(name)), real(text));
    }
    mkdirSync(path.join(root, real('packages/@FOLDER')), { recursive: true });
    const result = await scanForLane(nodeFileTree(root), { clock: { now: () => now } });
    expect(result.findings.map(({ file, line, kind }) => `${file}:${line} ${kind}`).sort()).toEqual([
      real('node_modules/@LEGACY:0 leftover'),
      real('packages/@FOLDER:0 leftover'),
      'src/main.ts:1 import',
    ]);
    await expect(
      scanForLane(nodeFileTree(path.join(root, 'missing')), { clock: { now: () => now } }),
    ).rejects.toMatchObject({ code: 'tree_unreadable' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
