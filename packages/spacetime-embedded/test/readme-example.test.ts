import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { engineErrors, hostErrors, startEmbedded } from '../src/index.ts';
import { bundleFixture } from './support/bundle.ts';

test('the example of the README', async () => {
  const bundle = await bundleFixture('inbox.ts');
  // From here on as in the README.
  const host = await startEmbedded({ module: bundle, database: 'my-app', listen: '127.0.0.1:0' });
  const headers = { authorization: `Bearer ${host.ownerToken}`, 'content-type': 'application/json' };
  const post = (path: string, body: string) =>
    fetch(`${host.url}/v1/database/my-app/${path}`, { method: 'POST', headers, body });

  const { status } = await post('call/add_player', '[1, "red", 10]'); // 200; 530 with its message when the reducer throws
  const answer = await post('sql', "SELECT id, score FROM player WHERE team = 'red'");
  const [{ rows }] = (await answer.json()) as [{ rows: unknown[][] }]; // [[1, 10]]

  await host.close();
  // Until here.
  expect(status).toBe(200);
  expect(rows).toEqual([[1, 10]]);
});

test('the example above is the one of the README', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, example = ''] = /## Test a module in ten lines\n+```ts\n(.*?)```/s.exec(readme) ?? [];
  const [head, ...shown] = example.trim().split('\n');
  expect(head).toBe("import { startEmbedded } from '@autopilot/spacetime-embedded';");
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const [, tested = ''] = /From here on as in the README\.\n(.*?) *\/\/ Until here\./s.exec(source) ?? [];
  const lines = tested.split('\n').map((line) => line.replace(/^ {2}/, ''));
  expect(lines.join('\n').trim()).toBe(shown.join('\n').trim());
});

test('the error tables of the README are those of the code', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const rows = readme
    .slice(readme.indexOf('## Errors'))
    .match(/^\| `[a-z_]+` .*$/gm)
    ?.map((row) => row.replaceAll(/ +/g, ' '));
  const table = (errors: typeof hostErrors | typeof engineErrors) =>
    Object.entries(errors).map(([code, { recovery, next }]) => `| \`${code}\` | ${recovery} | ${next} |`);
  expect(rows).toEqual([...table(hostErrors), ...table(engineErrors)]);
});
