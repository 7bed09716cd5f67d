import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import { describe, expect, test } from '@jest/globals';
import { OutboxStore } from '../../src/index.ts';
import { withFile, withFolder } from '../support/bridge-file.ts';
import { alice, sign } from '../support/events.ts';
import { runCli } from '../support/run-cli.ts';

const [one, two] = ['wss://one.test', 'wss://two.test'];

const run = (...args: string[]) => runCli(ports.clock, ...args);

describe('the command line', () => {
  test('more deliveries than are looked at at once are all put back, and the others stay', () =>
    withFile(async (file, name) => {
      const store = new OutboxStore(file, ports.clock);
      file.transaction('Filling', () => {
        for (let n = 0; n < 1_300; n += 1) {
          const event = { ...sign(), id: `${n}`.padStart(64, '0'), content: `${n}`, pubkey: alice.pubkey };
          store.add(`${n}`, event, [one, two], { type: 'all' });
          for (const relay of [one, two]) {
            store.move({ event_id: event.id, relay, input: 'claim', reason: '' });
            store.move({ event_id: event.id, relay, input: 'exhaust', reason: 'deadline' });
          }
        }
      });
      expect(await run('requeue', '--file', name, '--relay', two)).toBe('1300 deliveries were put back.\n');
      expect(JSON.parse(await run('dead', '--file', name, '--json', '--limit', '10000'))).toHaveLength(1_300);
    }));

  test('as a process: says what is wrong without a stack, and by its exit code', () =>
    withFolder((folder) => {
      const main = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');
      const options = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', main];
      const start = (...args: string[]) => spawnSync(process.execPath, [...options, ...args], { encoding: 'utf8' });
      const missing = start('status', '--file', path.join(folder, 'none.sqlite'));
      expect([missing.status, missing.stdout]).toEqual([1, '']);
      expect(missing.stderr).toMatch(/^nostr-bridge: unusable_file: .*\n$/);
      const wrong = start('status');
      expect(wrong.status).toBe(2);
      expect(wrong.stderr).toMatch(/^nostr-bridge: invalid_option: --file is missing; .*\n$/);
      const help = start('--help');
      expect([help.status, help.stderr]).toEqual([0, '']);
      expect(help.stdout).toContain('requeue');
    }));
});
