import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { KeptStore } from '../../src/announce/kept-store.ts';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { type BridgeFile, JobStore, OutboxStore } from '../../src/index.ts';
import { codeOf, withFile } from '../support/bridge-file.ts';
import { alice, bob, second, sign } from '../support/events.ts';
import { runCli } from '../support/run-cli.ts';

const [one, two] = ['wss://one.test', 'wss://two.test'];
const ports = manualPorts({ start: second * 1000 });

/** Three events at two relays: one dead and one rejected delivery, one accepted, three pending; and two jobs. */
function fill(file: BridgeFile) {
  const store = new OutboxStore(file, ports.clock);
  const events = ['a', 'b', 'c'].map((content) => sign({ content }));
  for (const event of events) store.add(event.content, event, [one, two], { type: 'all' });
  const [first, next] = events.map(({ id }) => id) as [string, string];
  const move = (event_id: string, relay: string, ...inputs: Parameters<OutboxStore['move']>[0]['input'][]) => {
    for (const input of inputs) store.move({ event_id, relay, input, reason: 'blocked', message: 'no\u001b[2J' });
  };
  move(first, one, 'claim', 'exhaust');
  move(first, two, 'claim', 'accept');
  move(next, one, 'claim', 'reject');
  const jobs = new JobStore(file, ports.clock);
  for (const [content, role] of [
    ['x', 'provider'],
    ['y', 'customer'],
  ] as const) {
    jobs.add(role, sign({ kind: 5_050, content }), role === 'customer' ? '' : bob.pubkey, second * 1000 + 60_000);
  }
  const last = { contents: '', created_at: second, published_at_ms: second * 1000 - 180_000, event_id: first };
  new KeptStore(file).put({ coordinate: `31990:${bob.pubkey}:desk`, state: 'published', ...last });
  jobs.move('provider', sign({ kind: 5_050, content: 'x' }).id, 'quote', { amount_msat: 21_000, detail: 'pay\nme' });
  return { first, next };
}

const run = (...args: string[]) => runCli(ports.clock, ...args);

describe('the command line', () => {
  test.each([
    ['no command', []],
    ['another command', ['sync', '--file', 'f']],
    ['no file', ['status']],
    ['one argument too many', ['status', 'f']],
    ['an option that is none', ['status', '--file', 'f', '--force']],
    ['a limit of nothing', ['outbox', '--file', 'f', '--limit', '0']],
    ['a limit that is no number', ['outbox', '--file', 'f', '--limit', 'many']],
    ['requeue of nothing in particular', ['requeue', '--file', 'f']],
    ['requeue of all and of one', ['requeue', '--file', 'f', '--all', '--event', 'e']],
    ['status of one event', ['status', '--file', 'f', '--event', 'e']],
  ])('refuses %s', async (_what, args) => {
    expect(await codeOf(() => parseCommand(args))).toBe('invalid_option');
  });

  test('shows how a file stands, while a bridge has it open', () =>
    withFile(async (file, name) => {
      const { first } = fill(file);
      const status = await run('status', '--file', name);
      expect(status).toMatch(/^Events: 1 open, 0 reached, 2 missed\./);
      expect(status).toMatch(/wss:\/\/one\.test +dead +1 +0 s/);
      expect(status).toMatch(/provider +quoted +1/);
      expect(status).toMatch(/31990:[0-9a-f]{64}:desk +published +3 min/);
      const { deliveries, jobs } = JSON.parse(await run('status', '--file', name, '--json'));
      expect(deliveries.map(({ number }: { number: number }) => number).reduce((a: number, b: number) => a + b)).toBe(
        6,
      );
      expect(jobs).toEqual([
        { role: 'customer', state: 'offered', number: 1 },
        { role: 'provider', state: 'quoted', number: 1 },
      ]);
      const dead = await run('dead', '--file', name);
      expect(dead).toMatch(new RegExp(`${first}  wss://one\\.test  dead +1`));
      // What a relay wrote does not reach the terminal as it is.
      expect(dead).toContain('blocked: no?[2J');
      expect(dead).not.toContain('\u001b');
      expect(JSON.parse(await run('outbox', '--file', name, '--json'))).toHaveLength(3);
      expect(JSON.parse(await run('outbox', '--file', name, '--json', '--limit', '2'))).toHaveLength(2);
      const shown = await run('jobs', '--file', name);
      expect(shown).toMatch(
        new RegExp(`provider +${alice.pubkey.slice(0, 8)}… +5050 +quoted +21000 msat +0 s +pay me`),
      );
      expect(shown).toMatch(/customer +anybody +5050 +offered/);
    }));

  test('puts back what was given up, of one event, one relay or all', () =>
    withFile(async (file, name) => {
      const { first } = fill(file);
      const dead = async () => JSON.parse(await run('dead', '--file', name, '--json')).length;
      expect(await run('requeue', '--file', name, '--event', 'nobody')).toBe('0 deliveries were put back.\n');
      expect(await run('requeue', '--file', name, '--event', first, '--relay', `${one}/`)).toBe(
        '1 delivery was put back.\n',
      );
      expect(await dead()).toBe(1);
      expect(await run('requeue', '--file', name, '--relay', two)).toBe('0 deliveries were put back.\n');
      expect(JSON.parse(await run('requeue', '--file', name, '--all', '--json'))).toEqual({ requeued: 1 });
      expect(await dead()).toBe(0);
      expect(new OutboxStore(file, ports.clock).claim(one)?.tries).toBe(1);
    }));
});
