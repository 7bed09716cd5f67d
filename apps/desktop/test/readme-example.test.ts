import { readFileSync } from 'node:fs';
import path from 'node:path';
import { nodeSocketFactory } from '@autopilot/session';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { describe, expect, test } from '@jest/globals';
import { desktopErrors } from '../src/errors.ts';
import { startDesktop } from '../src/start-desktop.ts';
import { alarmSpecs } from '../src/view-model/alarms.ts';
import { testFolder } from './support/pipeline-bench.ts';

// The README's example, compiled; only the package's own name is a path here.
export async function watch(dataDir: string, clientSecret: string): Promise<void> {
  const desktop = await startDesktop({
    host: '127.0.0.1',
    port: 0,
    dataDir,
    control: 'http://127.0.0.1:4310',
    clientId: 'desktop',
    clientSecret,
    environment: 'dev',
    pid: process.pid,
    ports: systemPorts,
    http: systemHttp,
    socket: nodeSocketFactory,
    log: { info() {}, warn() {}, error() {} },
  });
  process.stdout.write(`${desktop.url} ${desktop.state().connection.state}\n`);
  await desktop.close();
}

const packageDir = path.join(import.meta.dirname, '..');
const readme = readFileSync(path.join(packageDir, 'README.md'), 'utf8');

describe('the README', () => {
  test('its example is the code above, and runs', async () => {
    const own = readFileSync(path.join(import.meta.dirname, 'readme-example.test.ts'), 'utf8');
    const shown = /```ts\n[\s\S]*?(export async function watch[\s\S]*?\n})\n```/.exec(readme)?.[1];
    if (shown === undefined) throw new Error('the README has no example');
    expect(own).toContain(shown);
    const folder = testFolder();
    await watch(folder.dir, 'no-secret');
    folder.remove();
  });

  test('its tables name every error with its row, and every alarm', () => {
    for (const [code, { recovery, next }] of Object.entries(desktopErrors)) {
      expect(readme).toContain(`| \`${code}\` | ${recovery} | ${next} |`);
    }
    for (const code of Object.keys(alarmSpecs)) expect(readme).toContain(`\`${code}\``);
  });
});
