import { readFileSync } from 'node:fs';
import path from 'node:path';
import { buildBundle } from '@autopilot/autopilot-sync/bundle';
import { startEmbedded } from '@autopilot/spacetime-embedded';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { freePort } from '@autopilot/testing';
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { controlErrors } from '../src/errors.ts';
import { identityOf } from '../src/identity.ts';
import { metricTable } from '../src/metrics/metric-table.ts';
import { startControl } from '../src/start-control.ts';
import { atEnd } from './support/cleanup.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const readme = readFileSync(path.join(import.meta.dirname, '../README.md'), 'utf8');

test('the example of the README runs', async () => {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const host = await startEmbedded({
    module: await buildBundle(),
    database: 'autopilot',
    owner: identityOf(issuer, 'control-owner'),
    listen: { host: '127.0.0.1', port: 0 },
  });
  atEnd(() => host.close());
  const control = await startControl({
    host: '127.0.0.1',
    port,
    dataDir: temporaryFolder(),
    issuer,
    spacetime: host.url,
    database: 'autopilot',
    clients: [],
    ports: systemPorts,
    http: systemHttp,
    logger: pino({ level: 'silent' }),
  });
  expect(control.url).toBe(issuer);
  await control.close();
}, 20_000);

test('the README names every code of control and no metric that is not there', () => {
  for (const code of Object.keys(controlErrors).slice(Object.keys(controlErrors).indexOf('usage'))) {
    expect(readme).toContain(`\`${code}\``);
  }
  for (const [name] of readme.matchAll(/cutover_\w+/g)) expect(metricTable).toHaveProperty(name);
});
