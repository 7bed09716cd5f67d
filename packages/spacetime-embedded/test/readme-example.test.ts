import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { engineErrors, hostErrors, startEmbedded } from '../src/index.ts';
import { bundleFixture } from './support/bundle.ts';

test('the example of the README', async () => {
  const bundle = await bundleFixture('inbox.ts');
  // From here on as in the README.
  const host = await startEmbedded({ module: bundle, database: 'my-app', listen: '127.0.0.1:0' });
  const headers = { authorization: `Bearer ${host.ownerToken}`, 'content-type': 'application/json' };

  const call = await fetch(`${host.url}/v1/database/my-app/call/add_player`, {
    method: 'POST',
    headers,
    body: JSON.stringify([1, 'red', 10]),
  });
  // call.status is 200; 530 with the module's message when the reducer throws

  const answer = await fetch(`${host.url}/v1/database/my-app/sql`, {
    method: 'POST',
    headers,
    body: "SELECT id, score FROM player WHERE team = 'red'",
  });
  const [{ rows }] = (await answer.json()) as [{ rows: unknown[][] }]; // [[1, 10]]

  await host.close();
  // Until here.
  expect(call.status).toBe(200);
  expect(rows).toEqual([[1, 10]]);
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
