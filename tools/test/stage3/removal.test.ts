import { describe, expect, test } from '@jest/globals';
import { filesToRemove, khalaRemoval, lockfileWithout, manifestWithout, referencesIn } from '../../stage3/removal.ts';

const refers = (file: string, text: string) => referencesIn(file, text, khalaRemoval).map(({ line }) => line);

describe('what Stage 3 takes away', () => {
  test('the package, the files that load it, and the tests that need it', () => {
    const goes = [
      'packages/legacy-lane/package.json',
      'packages/legacy-lane/src/deep/file.ts',
      'apps/control/src/lanes/khala.ts',
      'apps/desktop/src/lanes/khala.ts',
      'apps/desktop/test/khala/handover.test.ts',
      'apps/desktop/test/comms/khala/support.ts',
      'apps/desktop/test/lanes/khala.test.ts',
      'apps/launcher/test/e2e/khala-flood.test.ts',
      'apps/launcher/src/rehearse/main.ts',
      'testing/src/khala/start-khala.ts',
      'testing/src/khala-main.ts',
      'tools/stage3/removal.ts',
    ];
    const stays = [
      'packages/legacy-lane-tools/src/index.ts',
      'packages/session/src/index.ts',
      'apps/control/src/mirror/load-khala.ts',
      'apps/desktop/src/lanes/spacetime.ts',
      'apps/desktop/test/comms/no-khala.test.ts',
      'apps/desktop/test/khalaish.test.ts',
      'testing/src/khala-records.ts',
      'tools/gate/main.ts',
    ];
    expect(filesToRemove([...stays, ...goes], khalaRemoval)).toEqual(goes);
  });

  test('the lines of a manifest that declare it, and an empty group with them', () => {
    const manifest = {
      name: 'app',
      dependencies: { '@autopilot/legacy-lane': 'workspace:^', ws: '^8' },
      devDependencies: { '@autopilot/legacy-lane': 'workspace:*' },
    };
    const text = manifestWithout(JSON.stringify(manifest), '@autopilot/legacy-lane');
    expect(JSON.parse(text ?? '')).toEqual({ name: 'app', dependencies: { ws: '^8' } });
    expect(manifestWithout('{"name":"app"}', '@autopilot/legacy-lane')).toBeUndefined();
  });

  test('its importer in the lockfile, and the dependency of the others on it', () => {
    const lockfile = [
      "lockfileVersion: '9.0'",
      '',
      'importers:',
      '',
      '  apps/desktop:',
      '    dependencies:',
      "      '@autopilot/legacy-lane':",
      '        specifier: workspace:^',
      '        version: link:../../packages/legacy-lane',
      '      ws:',
      "        specifier: 'catalog:'",
      '        version: 8.23.0',
      '    devDependencies:',
      "      '@autopilot/legacy-lane':",
      '        specifier: workspace:*',
      '        version: link:../../packages/legacy-lane',
      '',
      '  packages/legacy-lane:',
      '    dependencies:',
      '      zod:',
      "        specifier: 'catalog:'",
      '        version: 4.6.7',
      '',
      '  packages/session:',
      '    dependencies:',
      '      ws:',
      "        specifier: 'catalog:'",
      '        version: 8.23.0',
      '',
      'packages:',
      '',
      '  zod@4.6.7:',
      '    resolution: {integrity: sha512-0}',
      '',
    ];
    expect(lockfileWithout(lockfile.join('\n'), khalaRemoval).split('\n')).toEqual([
      ...lockfile.slice(0, 6),
      ...lockfile.slice(9, 12),
      ...lockfile.slice(23),
    ]);
  });
});

describe('what still refers to it', () => {
  test.each([
    "import { createKhalaLane } from '@autopilot/legacy-lane';",
    "export * from '@autopilot/legacy-lane';",
    "const lane = await import('@autopilot/legacy-lane');",
    "const lane = await import('./lanes/khala.ts');",
    "import type { Opening } from './lanes/khala.ts';",
    "jest.mock('@autopilot/legacy-lane');",
    "const lane = require('@autopilot/legacy-lane/package.json');",
    "import { frame } from '../../../packages/legacy-lane/src/frame.ts';",
  ])('is found: %s', (line) => {
    expect(refers('apps/control/src/main.ts', `// first\n${line}\n`)).toEqual([2]);
  });

  test.each([
    "const laneFile: string = './lanes/khala.ts';",
    '// import { createKhalaLane } of the legacy lane',
    "import { lane } from './lanes/spacetime.ts';",
    "import { khala } from './lanes/khala-names.ts';",
  ])('is not this: %s', (line) => {
    expect(refers('apps/control/src/main.ts', line)).toEqual([]);
  });

  test('is found in settings and in the lockfile', () => {
    expect(refers('apps/control/package.json', '{\n "@autopilot/legacy-lane": "workspace:^"\n}')).toEqual([2]);
    expect(refers('pnpm-lock.yaml', '  packages/legacy-lane:')).toEqual([1]);
    expect(refers('docs/stages.md', 'packages/legacy-lane')).toEqual([]);
  });
});
