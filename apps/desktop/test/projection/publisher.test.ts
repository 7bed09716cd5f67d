import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { startFaultProxy, waitFor } from '@autopilot/testing';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Journal, openJournal } from '../../src/codex/journal.ts';
import { startCodexLane } from '../../src/codex/start-codex-lane.ts';
import {
  basicAuthorization,
  type Publisher,
  type PublisherOptions,
  startPublisher,
} from '../../src/projection/start-publisher.ts';
import { answer, type Fate, httpOf, ScriptedControl } from './scripted-control.ts';

const file = new URL('../../../../testing/fixtures/codex-app-server.jsonl', import.meta.url).pathname;
const unauthorized = answer(401, { code: 'unauthorized', message: 'who?' });
const busy = answer(503, { code: 'outbox_full', message: 'later' }, { 'retry-after': '7' });
/** Events that the projection makes of one replay of the recording, with the lane's own three. */
const eventsOfReplay = 477;

let folder: string;
let ports: ManualPorts;
let journal: Journal;
let control: ScriptedControl;
let publisher: Publisher;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'publisher-'));
  ports = manualPorts({ draw: 0.5 });
  journal = openJournal({ file: ':memory:', clock: ports.clock });
  control = new ScriptedControl();
});
afterEach(async () => {
  await publisher?.stop();
  journal.close();
  rmSync(folder, { recursive: true });
});

function publish(options: Partial<PublisherOptions> = {}): Publisher {
  publisher = startPublisher({
    journal,
    stateFile: path.join(folder, 'state.sqlite'),
    url: 'http://control.test',
    http: httpOf(control),
    authorization: () => basicAuthorization('desk', 'secret'),
    ports,
    projection: { device_id: 'desk-1' },
    ...options,
  });
  return publisher;
}

/** Appends lane entries `from`..`to`, one event each. */
function note(from: number, to: number): void {
  for (let n = from; n <= to; n += 1) {
    const base = {
      boot_id: 'b',
      command_seq: null,
      thread_id: null,
      direction: 'lane' as const,
      method: 'lane/status',
    };
    journal.append({ ...base, body: JSON.stringify({ state: `s${n}` }) });
  }
}

/** Advances until the publisher has nothing left to do. */
async function settle(): Promise<void> {
  for (let round = 0; round < 400; round += 1) {
    const { state, pending } = publisher.status();
    if (state === 'idle' && pending === 0) return;
    await ports.advanceAsync(1000);
  }
  throw new Error(`The publisher did not come to rest: ${JSON.stringify(publisher.status())}`);
}

/** Everything arrived once, in order, and the publisher's chains say so. */
function expectComplete(count: number): void {
  expect(control.stored).toHaveLength(count);
  expect(publisher.status()).toMatchObject({ state: 'idle', pending: 0, published: count, dead: [] });
  expect(publisher.status().chains).toEqual(control.chains());
}

const keys = () => control.stored.map((event) => event.idempotency_key);

describe('publisher', () => {
  test('P1 publishes a whole replay, in order, with the chains a reader would compute', async () => {
    startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: 0, once: true });
    publish();
    await settle();
    expectComplete(eventsOfReplay);
    expect(publisher.status()).toMatchObject({ duplicates: 0, attempts: 0, last_error: undefined });
    expect(publisher.status().chains).toHaveLength(4);
    expect(new Set(control.authorizations)).toEqual(new Set([`Basic ${btoa('desk:secret')}`]));
  });

  test('publishes what comes later without being asked', async () => {
    publish();
    await settle();
    note(1, 3);
    await settle();
    expect(keys()).toEqual(['b:1', 'b:2', 'b:3']);
    note(4, 4);
    await settle();
    expectComplete(4);
  });

  test('P2 an answer lost after the accept makes duplicates at control, not in the stream', async () => {
    note(1, 5);
    control.fates = ['lost-answer'];
    publish();
    await ports.advanceAsync(0);
    expect(control.stored).toHaveLength(5);
    expect(publisher.status()).toMatchObject({ state: 'backoff', published: 0, pending: 5, attempts: 1 });
    expect(publisher.status().last_error).toMatchObject({ code: 'unreachable' });
    await settle();
    expectComplete(5);
    expect(publisher.status().duplicates).toBe(5);
  });

  test('P2 no order of failures loses, repeats or reorders an event, restarts included', async () => {
    const fate = fc.constantFrom<Fate>('ok', 'lost-answer', 'unreachable', 'hang', 'nonsense', unauthorized, busy);
    const step = fc.record({ fates: fc.array(fate, { maxLength: 4 }), add: fc.nat(12), restart: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), fc.integer({ min: 1, max: 7 }), async (steps, batchSize) => {
        ports = manualPorts({ draw: 0.5 });
        journal.close();
        journal = openJournal({ file: ':memory:', clock: ports.clock });
        control = new ScriptedControl();
        const stateFile = path.join(folder, `state-${Math.random()}.sqlite`);
        publish({ batchSize, stateFile });
        let written = 0;
        for (const { fates, add, restart } of steps) {
          control.fates = [...fates];
          note(written + 1, written + add);
          written += add;
          await ports.advanceAsync(300);
          if (restart) {
            await publisher.stop();
            publish({ batchSize, stateFile });
          }
        }
        await settle();
        expectComplete(written);
        expect(keys()).toEqual(Array.from({ length: written }, (_, index) => `b:${index + 1}`));
        await publisher.stop();
      }),
      { numRuns: 12 },
    );
  });

  test('P3 sets a refused event aside in sight, with its code, and publishes all others in order', async () => {
    note(1, 6);
    control.refuse = (event) => (event.idempotency_key === 'b:3' ? 'payload_too_large' : undefined);
    publish();
    await settle();
    expect(keys()).toEqual(['b:1', 'b:2', 'b:4', 'b:5', 'b:6']);
    const dead = [
      {
        journal_id: journal.journal_id,
        entry_id: 3,
        topic: 'worker:desk-1:lifecycle',
        kind: 'lane/status',
        idempotency_key: 'b:3',
        code: 'payload_too_large',
        message: 'not lane/status',
      },
    ];
    expect(publisher.status()).toMatchObject({ published: 5, pending: 0, dead });
    expect(publisher.status().chains).toEqual(control.chains());
    await publisher.stop();
    publish();
    await settle();
    expect(publisher.status()).toMatchObject({ published: 5, dead });
  });

  test('P3 a batch refused as a whole is halved until the guilty one stands alone', async () => {
    note(1, 20);
    control.maxEvents = 3;
    publish({ batchSize: 20 });
    await settle();
    expectComplete(20);
    note(21, 21);
    control.maxEvents = 0;
    await settle();
    expect(publisher.status().dead.map((event) => event.idempotency_key)).toEqual(['b:21']);
  });

  test('P4 waits as long as control says, and with a floor and jitter otherwise', async () => {
    note(1, 1);
    control.fates = [busy, 'unreachable', 'unreachable'];
    publish({ backoff: { floorMs: 100, baseMs: 1000, capMs: 4000 } });
    await ports.advanceAsync(6999);
    expect(control.authorizations).toHaveLength(1);
    await ports.advanceAsync(1);
    expect(control.authorizations).toHaveLength(2);
    // The draw is always 0.5: half way between the floor and the bound of the second and third failure.
    await ports.advanceAsync(1049);
    expect(control.authorizations).toHaveLength(2);
    await ports.advanceAsync(1);
    expect(control.authorizations).toHaveLength(3);
    await ports.advanceAsync(2050);
    expectComplete(1);
  });

  test('P4 a refused caller is shown as such, keeps every event, and goes on when let in', async () => {
    note(1, 2);
    control.fates = [unauthorized, unauthorized];
    publish();
    await ports.advanceAsync(0);
    expect(publisher.status()).toMatchObject({ state: 'refused', pending: 2, dead: [] });
    expect(publisher.status().last_error).toMatchObject({ code: 'unauthorized', message: 'who?' });
    await settle();
    expectComplete(2);
  });

  test('a caller without a grant for anything loses nothing; one forbidden stream is set aside', async () => {
    note(1, 2);
    control.refuse = () => 'forbidden';
    publish();
    await ports.advanceAsync(0);
    expect(publisher.status()).toMatchObject({ state: 'refused', pending: 2, dead: [] });
    startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: 0, once: true });
    control.refuse = (event) => (event.topic.startsWith('worker:') ? 'forbidden' : undefined);
    await settle();
    expect(publisher.status().published).toBe(eventsOfReplay - 3);
    expect(publisher.status().dead.map((event) => event.code)).toEqual(Array(5).fill('forbidden'));
  });

  test('P1 another journal starts at its beginning, and its streams go on in their chains', async () => {
    note(1, 2);
    publish();
    await settle();
    await publisher.stop();
    journal.close();
    journal = openJournal({ file: ':memory:', clock: ports.clock });
    const base = {
      boot_id: 'c',
      command_seq: null,
      thread_id: null,
      direction: 'lane' as const,
      method: 'lane/status',
    };
    journal.append({ ...base, body: '{}' });
    publish();
    await settle();
    expect(keys()).toEqual(['b:1', 'b:2', 'c:1']);
    expectComplete(3);
  });

  test('a second publisher on the same state is refused, and so is a state that is none', () => {
    publish();
    expect(() => publish()).toThrow(expect.objectContaining({ code: 'state_locked' }));
    const damaged = path.join(folder, 'damaged.sqlite');
    writeFileSync(damaged, 'this is no database, however long one looks at it');
    const before = publisher;
    expect(() => publish({ stateFile: damaged })).toThrow(expect.objectContaining({ code: 'state_unusable' }));
    const backoff = { floorMs: 100, baseMs: 500, capMs: 99 };
    for (const wrong of [{ batchSize: 0 }, { batchSize: 501 }, { batchSize: 1.5 }, { url: 'control' }, { backoff }]) {
      expect(() => publish(wrong)).toThrow(expect.objectContaining({ code: 'publisher_options' }));
    }
    expect(publisher).toBe(before);
  });

  test('stop gives up a request that hangs, and a failure of the journal does not end the publisher', async () => {
    note(1, 1);
    control.fates = ['hang'];
    let broken = false;
    const readAfter: Journal['readAfter'] = (...args) => {
      if (broken) throw new Error('disk');
      return journal.readAfter(...args);
    };
    publish({ journal: { ...journal, readAfter } });
    await ports.advanceAsync(0);
    broken = true;
    await ports.advanceAsync(10_000);
    expect(publisher.status().last_error?.code).toBe('timeout');
    await ports.advanceAsync(1000);
    expect(publisher.status().last_error).toMatchObject({ code: 'internal', message: 'disk' });
    broken = false;
    await settle();
    expectComplete(1);
    control.fates = ['hang'];
    note(2, 2);
    await ports.advanceAsync(0);
    await publisher.stop();
    expect(publisher.status()).toMatchObject({ state: 'stopped', published: 1 });
    expect(ports.pending).toBe(0);
  });
});

describe('isolation', () => {
  const fates: readonly (readonly [string, Fate])[] = [
    ['hung', 'hang'],
    ['unreachable', 'unreachable'],
    ['refused', unauthorized],
    ['talking nonsense', 'nonsense'],
  ];
  test.each(fates)('P5 Codex does not notice that control is %s', async (_name, fate) => {
    const messages = async (withPublisher: boolean) => {
      const own = openJournal({ file: ':memory:', clock: ports.clock });
      control.fates = Array(1000).fill(fate);
      if (withPublisher) publish({ journal: own });
      const lane = startCodexLane({ journal: own, ports, feed: 'recorded', file, paceMs: 1, once: true });
      await ports.advanceAsync(600);
      const { state, messages, completed, error } = lane.status();
      if (withPublisher) expect(publisher.status().published).toBe(0);
      await publisher?.stop();
      const methods = own.readAfter(0n, 10_000).map((entry) => entry.method);
      own.close();
      return { state, messages, completed, error, methods };
    };
    const alone = await messages(false);
    expect(alone).toMatchObject({ state: 'stopped', completed: 1 });
    expect(await messages(true)).toEqual(alone);
  });

  test('P5 Codex does not notice a publisher that ended with its journal listener still there', async () => {
    publish();
    await publisher.stop();
    const lane = startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: 0, once: true });
    await ports.advanceAsync(0);
    expect(lane.status()).toMatchObject({ state: 'stopped', completed: 1 });
  });

  test('P5 the publisher publishes what there is when the lane fails', async () => {
    const options = { journal, ports, feed: 'codex', prompt: 'x', workDir: '/', codexBin: process.execPath } as const;
    const lane = startCodexLane({
      ...options,
      maxRestarts: 1,
      spawn: (_request, handlers) => {
        queueMicrotask(() => handlers.ended('exit code 1'));
        return { write: () => {}, closeInput: () => {}, kill: () => {} };
      },
    });
    publish();
    await ports.advanceAsync(60_000);
    expect(lane.status()).toMatchObject({ state: 'error', error: { code: 'restarts_exhausted' } });
    await settle();
    expectComplete(4);
  });
});

test('over real HTTP through a bad network: cut between accept and answer, hung, refused', async () => {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      const { status, body: text } = control.handle(body);
      const send = () => response.writeHead(status, { 'content-type': 'application/json' }).end(text);
      if (control.fates.shift() === 'lost-answer') proxy.cutAll();
      else send();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await startFaultProxy({ port: (server.address() as AddressInfo).port });
  control.fates = ['lost-answer', 'ok', 'lost-answer'];
  note(1, 40);
  publish({
    url: `http://127.0.0.1:${proxy.port}`,
    http: systemHttp,
    ports: systemPorts,
    batchSize: 10,
    // Longer than a busy machine takes to answer: a request that is given up too soon is one more duplicate.
    requestTimeoutMs: 1_500,
    backoff: { floorMs: 1, baseMs: 5, capMs: 20 },
  });
  await waitFor(() => publisher.status().published === 40, { describe: '40 published events' });
  expect(publisher.status().duplicates).toBe(20);
  proxy.pause();
  note(41, 45);
  await waitFor(() => publisher.status().last_error?.code === 'timeout', { describe: 'a timeout' });
  proxy.refuse(true);
  proxy.cutAll();
  proxy.resume();
  await waitFor(() => publisher.status().last_error?.code === 'unreachable', { describe: 'a refusal' });
  proxy.refuse(false);
  await waitFor(() => publisher.status().published === 45, { describe: '45 published events' });
  expectComplete(45);
  await proxy.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
