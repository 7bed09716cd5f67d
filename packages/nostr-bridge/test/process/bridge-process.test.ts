import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import {
  type BridgeStatus,
  BridgeProcess,
  type FromBridge,
  type Journal,
  type JournalPage,
  type ProcessSettings,
  type ToBridge,
} from '../../src/index.ts';
import { codeOf } from '../support/bridge-file.ts';

const settings: Partial<ProcessSettings> = {
  startMs: 5_000,
  silenceMs: 2_000,
  commandMs: 1_000,
  maxCommands: 3,
  maxExternalBytes: 1_000,
  restart: { floorMs: 100, baseMs: 1_000, capMs: 8_000 },
  provenMs: 60_000,
  questions: { perSecond: 10, burst: 2 },
  maxPageEvents: 3,
  maxPageBytes: 100,
  closeMs: 500,
};

interface FakeProcess {
  readonly got: ToBridge[];
  say(message: FromBridge): void;
  end(reason?: string): void;
  terminated: number;
}

const event = (seq: number, payload = '{}') => ({
  stream_id: 's',
  epoch: 'e',
  seq: BigInt(seq),
  kind: 'k',
  payload: payload as never,
  payload_hash: 'sha256:0' as const,
  idempotency_key: `${seq}`,
  committed_at: 0n,
});

const nothing: Journal = { streams: () => [], read: () => ({ epoch: 'e', events: [], more: false }) };

function make(journal: Journal = nothing) {
  const ports = manualPorts({ draw: 0.999_999 });
  const processes: FakeProcess[] = [];
  let isBroken = false;
  const supervised = new BridgeProcess({
    ports,
    journal,
    settings,
    spawn: ({ said, ended }) => {
      if (isBroken) throw new Error('no more processes');
      const fake: FakeProcess = {
        got: [],
        say: said,
        end: (reason = 'gone') => ended(reason),
        terminated: 0,
      };
      processes.push(fake);
      return {
        send: (message) => void fake.got.push(message),
        terminate: async () => {
          fake.terminated += 1;
          ended('terminated');
        },
      };
    },
  });
  const last = () => processes.at(-1) as FakeProcess;
  const run = () => {
    supervised.start();
    last().say({ type: 'ready' });
  };
  return {
    ports,
    processes,
    supervised,
    last,
    run,
    breakSpawning: () => {
      isBroken = true;
    },
  };
}

const beat = (external = 0): FromBridge => ({
  type: 'beat',
  status: { faults: 0 } as BridgeStatus,
  memory: { heap: 1, external },
});

describe('BridgeProcess', () => {
  test('T1 starts one process, and what it says after its end changes nothing', async () => {
    const { supervised, processes, last, run, ports } = make();
    expect(supervised.status()).toMatchObject({ state: 'idle', starts: 0 });
    run();
    supervised.start();
    expect(processes).toHaveLength(1);
    expect(supervised.status()).toMatchObject({ state: 'running', stale_callbacks: 1 });
    const [first] = processes;
    last().end();
    last().end();
    expect(supervised.status()).toMatchObject({ state: 'waiting', last_end: 'gone' });
    first?.say({ type: 'ready' });
    expect(supervised.status()).toMatchObject({ state: 'waiting', stale_callbacks: 2 });
    ports.advance(1_000);
    expect(supervised.status()).toMatchObject({ state: 'starting', starts: 2 });
    first?.say(beat());
    expect(supervised.status()).toMatchObject({ bridge: undefined, stale_callbacks: 3 });
    await Promise.all([supervised.close(), last().end()]);
    expect(supervised.status().state).toBe('closed');
    expect(ports.pending).toBe(0);
  });

  test('T2 a call is refused at once unless the bridge runs and has room, and settles in time', async () => {
    const { supervised, last, run, ports } = make();
    const publish = () => supervised.publish({ key: 'k', template: { kind: 1, tags: [], content: '' } });
    expect(await codeOf(publish)).toBe('bridge_away');
    run();
    const calls = [publish(), publish(), publish()];
    const ends = calls.map((call) => codeOf(() => call));
    expect(await codeOf(publish)).toBe('bridge_away');
    const [one, two] = last().got as { number: number }[];
    last().say({ type: 'done', number: one?.number ?? 0, result: { isRepeated: false } });
    last().say({ type: 'refused', number: two?.number ?? 0, code: 'invalid_event', message: 'no' });
    expect(await calls[0]).toEqual({ isRepeated: false });
    expect(await ends[1]).toBe('invalid_event');
    ports.advance(999);
    last().say(beat());
    ports.advance(1);
    expect(await ends[2]).toBe('bridge_silent');
    // The answer that comes after all settles nothing.
    last().say({ type: 'done', number: 3, result: undefined });
    const open = codeOf(publish);
    last().end();
    expect(await open).toBe('bridge_away');
    expect(supervised.status().commands_refused).toBe(2);
  });

  test('T2 J9 what is asked of it goes to the process as it was said', async () => {
    const { supervised, last, run } = make();
    run();
    const calls = [
      supervised.quotes('r'),
      supervised.notePaid('customer', 'r', 'p'),
      supervised.notePaid('provider', 'r'),
    ];
    const said = last().got.map((message) => (message.type === 'command' ? message.command : message));
    expect(said).toEqual([
      { do: 'quotes', request_id: 'r' },
      { do: 'note-paid', role: 'customer', request_id: 'r', provider: 'p' },
      { do: 'note-paid', role: 'provider', request_id: 'r' },
    ]);
    for (const number of [1, 2, 3]) last().say({ type: 'done', number, result: number });
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
    last().end();
  });

  test('A5 what is announced is said again to every process that is begun, also when it was refused', async () => {
    const { supervised, last, run, ports } = make();
    expect(await codeOf(() => supervised.announce({ id: 'desk', kinds: [5_050] }))).toBe('bridge_away');
    run();
    const said = () => last().got.map((message) => (message.type === 'command' ? message.command : message));
    expect(said()).toEqual([{ do: 'announce', announcement: { id: 'desk', kinds: [5_050] } }]);
    expect(await codeOf(() => supervised.announce({ id: 'desk', kinds: [] }))).toBe('invalid_option');
    last().end();
    ports.advance(1_000);
    last().say({ type: 'ready' });
    expect(said()).toEqual([{ do: 'announce', announcement: { id: 'desk', kinds: [5_050] } }]);
    const open = codeOf(() => supervised.announce(undefined));
    last().end();
    expect(await open).toBe('bridge_away');
    ports.advance(2_000);
    last().say({ type: 'ready' });
    expect(said()).toEqual([{ do: 'announce', announcement: undefined }]);
    last().end();
  });

  test.each([
    ['before its first word', false, 5_000],
    ['after it', true, 2_000],
  ])('T3 a process that is silent %s is ended', (_when, isReady, milliseconds) => {
    const { supervised, last, run, ports } = make();
    if (isReady) run();
    else supervised.start();
    ports.advance(milliseconds - 1);
    expect(last().terminated).toBe(0);
    ports.advance(1);
    expect(last().terminated).toBe(1);
    expect(supervised.status()).toMatchObject({
      state: 'waiting',
      ended_here: 1,
      last_end: `It said nothing for ${milliseconds} ms.`,
    });
  });

  test('T3 beats keep a process, and too much memory ends it', () => {
    const { supervised, last, run, ports } = make();
    run();
    for (let n = 0; n < 10; n += 1) {
      ports.advance(1_999);
      last().say(beat(1_000));
    }
    expect(supervised.status()).toMatchObject({ state: 'running', memory: { heap: 1, external: 1_000 } });
    last().say(beat(1_001));
    expect(supervised.status()).toMatchObject({ state: 'waiting', ended_here: 1 });
  });

  test('T4 pauses between processes grow, also where none can be spawned, and are forgotten after a long life', () => {
    const { supervised, processes, last, run, ports, breakSpawning } = make();
    run();
    const pauses: number[] = [];
    const endAndWait = () => {
      last().end();
      const from = ports.clock.monotonic();
      ports.runNext();
      pauses.push(ports.clock.monotonic() - from);
      last().say({ type: 'ready' });
    };
    for (let n = 0; n < 5; n += 1) endAndWait();
    for (let n = 0; n < 60; n += 1) {
      ports.advance(1_000);
      last().say(beat());
    }
    endAndWait();
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 1_000]);
    breakSpawning();
    last().end();
    ports.runNext();
    expect(supervised.status()).toMatchObject({ state: 'waiting', last_end: 'no more processes' });
    expect(processes).toHaveLength(7);
    ports.runNext();
    expect(supervised.status().state).toBe('waiting');
  });

  test('T5 the journal is asked later, one question at a time, at its rate, and in small pages', async () => {
    const reads: number[] = [];
    const journal: Journal = {
      streams: () => ['s'],
      read: (_stream, after, limit): JournalPage => {
        reads.push(limit);
        const from = Number(after?.seq ?? 0n);
        const payload = from === 0 ? '{}' : 'x'.repeat(90);
        return { epoch: 'e', events: [1, 2, 3, 4, 5].map((n) => event(from + n, payload)), more: false };
      },
    };
    const { supervised, last, run, ports } = make(journal);
    run();
    const ask = (number: number, seq?: bigint) =>
      last().say({
        type: 'question',
        number,
        question: {
          ask: 'read',
          stream_id: 's',
          after: seq === undefined ? undefined : { epoch: 'e', seq },
          limit: 100,
        },
      });
    last().say({ type: 'question', number: 1, question: { ask: 'streams' } });
    expect(last().got).toEqual([]);
    ask(2);
    expect(last().got).toEqual([{ type: 'unanswered', number: 2, message: 'Another question is open.' }]);
    await ports.advanceAsync(0);
    expect(last().got[1]).toEqual({ type: 'streams', number: 1, streams: ['s'] });
    ask(3);
    await ports.advanceAsync(0);
    expect(reads).toEqual([3]);
    expect(last().got[2]).toMatchObject({
      type: 'page',
      page: { more: true, events: [{ seq: 1n }, { seq: 2n }, { seq: 3n }] },
    });
    // The bucket is empty: a tenth of a second for each further one.
    ask(4, 9n);
    await ports.advanceAsync(99);
    expect(reads).toHaveLength(1);
    await ports.advanceAsync(1);
    expect(last().got[3]).toMatchObject({ type: 'page', page: { more: true, events: [{ seq: 10n }] } });
    expect(supervised.status().journal).toEqual({ answered: 3, refused: 1, failed: 0, events: 4 });
    // Nobody is left to hear of it.
    ask(5, 9n);
    const asked = last();
    asked.end();
    await ports.advanceAsync(500);
    expect(asked.got).toHaveLength(4);
  });

  test('T5 a journal that fails is an answer too', async () => {
    const { supervised, last, run, ports } = make({
      streams: () => {
        throw new Error('locked');
      },
      read: nothing.read,
    });
    run();
    last().say({ type: 'question', number: 1, question: { ask: 'streams' } });
    await ports.advanceAsync(0);
    expect(last().got).toEqual([{ type: 'unanswered', number: 1, message: 'locked' }]);
    expect(supervised.status().journal.failed).toBe(1);
  });

  test('T6 what a process says of its failure is kept, and one that does not end is ended', async () => {
    const { supervised, last, run, ports } = make();
    supervised.start();
    last().say({ type: 'failed', code: 'locked', message: 'Another bridge uses this file.' });
    last().end('The process ended with 0.');
    expect(supervised.status()).toMatchObject({ state: 'waiting', last_end: 'locked: Another bridge uses this file.' });
    ports.advance(1_000);
    last().say({ type: 'ready' });
    const closing = supervised.close();
    expect(last().got).toEqual([{ type: 'close' }]);
    expect(last().terminated).toBe(0);
    ports.advance(500);
    await closing;
    expect(last().terminated).toBe(1);
    expect(ports.pending).toBe(0);
    await supervised.close();
    run();
    expect(supervised.status()).toMatchObject({ state: 'closed', starts: 2 });
  });

  test('settings that cannot be meant are refused', async () => {
    const open = (changes: Partial<ProcessSettings>) =>
      codeOf(
        () =>
          new BridgeProcess({ ports: manualPorts(), journal: nothing, spawn: () => ({}) as never, settings: changes }),
      );
    expect(await open({ silenceMs: 0 })).toBe('invalid_option');
    expect(await open({ maxPageBytes: Number.NaN })).toBe('invalid_option');
    expect(await open({ questions: { perSecond: 0, burst: 1 } })).toBe('invalid_option');
    expect(await open({ questions: { perSecond: 1, burst: 0 } })).toBe('invalid_option');
    expect(await open({ restart: { floorMs: 0, baseMs: 1, capMs: 1 } })).toBe('invalid_option');
    expect(await open({})).toBe('nothing thrown');
  });
});
