// Jobs that are removed, and requests that come late, twice, or after they were taken back.
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type BridgeFile,
  Inbound,
  JobCustomer,
  JobProvider,
  JobStore,
  type NostrEvent,
  Outbox,
  OutboxStore,
  QuoteStore,
  SeenSet,
} from '../../src/index.ts';
import { codeOf, withFile } from '../support/bridge-file.ts';
import { alice, bob, second, sign } from '../support/events.ts';

const relays = ['ws://one'];
const quorum = { type: 'all' } as const;
const jobMs = 60_000;
const keepMs = 300_000;

function make(file: BridgeFile, ports: ManualPorts = manualPorts({ start: second * 1000 })) {
  const store = new OutboxStore(file, ports.clock);
  const outboxOf = (signer: typeof alice) => new Outbox({ file, store, ports, signer, signMs: 1_000 });
  const jobs = new JobStore(file, ports.clock);
  const quotes = new QuoteStore(file, ports.clock);
  const provider = new JobProvider({
    jobs,
    outbox: outboxOf(bob),
    ports,
    work: { quote: () => undefined, run: async () => 'the result' },
    kinds: [5_050],
    relays,
    quorum,
    jobMs,
    runMs: 1_000,
    quoteMs: 1_000,
    maxRunning: 2,
    pollMs: 1_000,
  });
  const customer = new JobCustomer({ jobs, quotes, outbox: outboxOf(alice), ports, quorum, jobMs });
  return { ports, store, jobs, quotes, provider, customer };
}

const ask = (content = '', created_at = second, ...tags: string[][]) =>
  sign({ kind: 5_050, created_at, content, tags: [['p', bob.pubkey], ...tags] });
const unsigned = sign({ kind: 5 });
/** As it is after its signature was checked: a signature takes its time, and there are many of these. */
const takeBack = (ids: string[], ...tags: string[][]): NostrEvent => ({
  ...unsigned,
  tags: [...ids.map((id) => ['e', id]), ['p', bob.pubkey], ...tags],
});
const settle = async (ports: ManualPorts) => {
  for (let turn = 0; turn < 20; turn += 1) await ports.advanceAsync(0);
};

describe('jobs that ended', () => {
  test('J12 are removed after their time and when they were kept for long enough, and those that did not end are not', () =>
    withFile(async (file) => {
      const { ports, jobs, provider } = make(file);
      const [short, long, open] = [ask('a'), ask('b'), ask('c')];
      jobs.add('provider', short, bob.pubkey, second * 1000 + 10_000);
      jobs.add('provider', long, bob.pubkey, second * 1000 + 2 * keepMs);
      jobs.add('provider', open, bob.pubkey, second * 1000 + 10_000);
      for (const { id } of [short, long]) jobs.move('provider', id, 'finish', { detail: 'x' });
      const left = () => [short, long, open].map(({ id }) => jobs.get('provider', id)?.state);
      ports.advance(keepMs - 1);
      expect(jobs.remove(keepMs, 9)).toBe(0);
      ports.advance(1);
      expect(jobs.remove(keepMs, 9)).toBe(1);
      expect(left()).toEqual([undefined, 'done', 'offered']);
      ports.advance(keepMs);
      expect([jobs.remove(keepMs, 9), left()]).toEqual([1, [undefined, undefined, 'offered']]);
      provider.stop();
    }));

  test('J12 a request that comes again after its job was removed is not done again, without the seen-set as well', () =>
    withFile(async (file) => {
      const { ports, jobs, provider, store } = make(file);
      provider.start();
      const request = ask();
      expect(provider.take(request)).toBe(true);
      provider.wake();
      await settle(ports);
      expect(jobs.get('provider', request.id)?.state).toBe('done');
      await ports.advanceAsync(jobMs + keepMs);
      expect([jobs.remove(keepMs, 9), jobs.counts()]).toEqual([1, []]);
      while (store.claim('ws://one') !== undefined);
      expect(provider.take(request)).toBe(false);
      await ports.advanceAsync(10_000);
      expect([store.claim('ws://one'), jobs.counts(), provider.counters.stale]).toEqual([undefined, [], 1]);
      provider.stop();
    }));

  test('J12 with the clock set back it is the seen-set that keeps a request from being done again', () =>
    withFile(async (file) => {
      const first = make(file);
      const inbound = (ports: ManualPorts, provider: JobProvider) =>
        new Inbound({
          file,
          ports,
          verifier: { parallel: 1, verify: async (events) => events.map(() => true), close: async () => {} },
          seen: new SeenSet(file, 1_000),
          accept: (event) => void provider.take(event),
        });
      const offer = async (to: Inbound, ports: ManualPorts, event: NostrEvent) => {
        to.offer('r', event, 500, [{}]);
        await settle(ports);
      };
      await offer(inbound(first.ports, first.provider), first.ports, ask());
      first.jobs.move('provider', ask().id, 'finish');
      first.ports.advance(jobMs + keepMs);
      expect(first.jobs.remove(keepMs, 9)).toBe(1);
      const back = make(file);
      const again = inbound(back.ports, back.provider);
      await offer(again, back.ports, ask());
      expect([again.counters.duplicate, back.jobs.counts()]).toEqual([1, []]);
    }));

  test('J12 a request is good for so long from its own time, whenever it comes', () =>
    withFile(async (file) => {
      const { ports, jobs, provider } = make(file);
      const old = ask('old', second - 60);
      const younger = ask('younger', second - 59);
      const ahead = ask('ahead', second + 600);
      const given = ask('given', second, ['expiration', `${second + 5}`]);
      const far = ask('far', second, ['expiration', `${second + 1e6}`]);
      expect([old, younger, ahead, given, far].map((event) => provider.take(event))).toEqual([
        false,
        true,
        true,
        true,
        true,
      ]);
      const ends = [younger, ahead, given, far].map(({ id }) => jobs.get('provider', id)?.expires_at_ms ?? 0);
      expect(ends.map((end) => end / 1000 - second)).toEqual([1, 660, 5, 60]);
      ports.advance(5_000);
      expect(provider.take(ask('late', second, ['expiration', `${second + 5}`]))).toBe(false);
    }));

  const step = fc.oneof(
    fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 500_000 }) }),
    fc.record({ what: fc.constant('request' as const), which: fc.nat(3) }),
    fc.record({ what: fc.constant('back' as const), which: fc.nat(3) }),
    fc.record({ what: fc.constantFrom('end' as const, 'remove' as const) }),
  );

  test('J12 J13 whatever comes in whichever order, no request becomes a job twice, or after it was taken back', () =>
    withFile(async (file) => {
      const requests = [
        ask('0'),
        ask('1', second + 200),
        ask('2', second, ['expiration', `${second + 30}`]),
        ask('3', second - 30, ['expiration', `${second + 900}`]),
      ];
      fc.assert(
        fc.property(fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }), (steps) => {
          file.sqlite.exec('delete from jobs; delete from taken_back');
          const { ports, jobs, provider } = make(file);
          const taken = requests.map(() => 0);
          const wasTakenBack = new Set<number>();
          for (const one of steps) {
            const which = 'which' in one ? one.which : 0;
            const request = requests[which] as NostrEvent;
            if (one.what === 'wait') ports.advance(one.ms);
            if (one.what === 'request' && provider.take(request)) {
              taken[which] = (taken[which] ?? 0) + 1;
              expect(wasTakenBack.has(which)).toBe(false);
            }
            if (one.what === 'back') {
              provider.take(takeBack([request.id]));
              wasTakenBack.add(which);
            }
            if (one.what === 'end') {
              for (const { id } of requests) jobs.move('provider', id, 'finish');
            }
            if (one.what === 'remove') jobs.remove(1_000, 99);
          }
          expect(Math.max(...taken)).toBeLessThanOrEqual(1);
        }),
        propertyRuns(50),
      );
    }));

  test('J12 of a customer are removed with their quotes, and its key is known for as long as the job', () =>
    withFile(async (file) => {
      const { ports, jobs, quotes, customer, store } = make(file);
      const spec = { kind: 5_050, inputs: [], params: [], relays, isEncrypted: false };
      const { request_id } = await customer.request('k', spec);
      quotes.put(request_id, bob.pubkey, '', {});
      store.claim('ws://one');
      store.move({ event_id: request_id, relay: 'ws://one', input: 'accept', reason: '' });
      ports.advance(keepMs + 1);
      // Settled long ago, and its job is there: the same key must not ask a second time.
      expect(store.prune(keepMs, 9)).toBe(0);
      expect((await customer.request('k', spec)).request_id).toBe(request_id);
      customer.start();
      expect(jobs.get('customer', request_id)?.state).toBe('expired');
      await ports.advanceAsync(keepMs);
      expect([jobs.remove(keepMs, 9), quotes.of(request_id)]).toEqual([1, []]);
      expect(await codeOf(() => customer.request('k', spec))).toBe('unknown_job');
      expect(store.prune(keepMs, 9)).toBe(1);
      expect((await customer.request('k', spec)).request_id).not.toBe(request_id);
      customer.stop();
      expect(ports.pending).toBe(0);
    }));

  test('J6 the jobs of a customer end by themselves, and a file that refuses is tried again', () =>
    withFile(async (file) => {
      const { ports, jobs, customer } = make(file);
      const spec = { kind: 5_050, inputs: [], params: [], relays, isEncrypted: false };
      const { request_id } = await customer.request('k', spec);
      jobs.add('provider', ask(), bob.pubkey, second * 1000);
      customer.start();
      await ports.advanceAsync(jobMs - 1);
      expect(jobs.get('customer', request_id)?.state).toBe('offered');
      file.sqlite.pragma('query_only = on');
      await ports.advanceAsync(2_000);
      expect(customer.counters.faults).toBeGreaterThan(0);
      file.sqlite.pragma('query_only = off');
      await ports.advanceAsync(1_000);
      expect(jobs.get('customer', request_id)?.state).toBe('expired');
      // Whoever runs it ends that of a provider.
      expect(jobs.get('provider', ask().id)?.state).toBe('offered');
      customer.stop();
    }));
});

describe('requests that were taken back before they came', () => {
  test('J13 are not done, when who asked took them back', () =>
    withFile((file) => {
      const { provider, jobs } = make(file);
      const [mine, others] = [ask('mine'), ask('others')];
      provider.take(takeBack([mine.id]));
      provider.take(sign({ kind: 5, tags: [['e', others.id]] }, bob));
      expect([mine, others].map((event) => provider.take(event))).toEqual([false, true]);
      expect(provider.counters).toMatchObject({ taken: 1, cancelled: 1 });
      expect(jobs.get('provider', mine.id)).toBeUndefined();
      // Also by another life, and a second time.
      expect(make(file).provider.take(mine)).toBe(false);
    }));

  test('J13 of other kinds, without an id, or too many at once, are not remembered, and the first to pass are forgotten', () =>
    withFile((file) => {
      const { ports, provider } = make(file);
      const count = () => (file.sqlite.prepare('select count(*) as n from taken_back').get() as { n: number }).n;
      const ids = Array.from({ length: 30 }, (_, n) => `${n}`.padStart(64, '0'));
      provider.take(takeBack(ids, ['k', '1']));
      provider.take(takeBack(['x', 'F'.repeat(64), '']));
      expect(count()).toBe(0);
      provider.take(takeBack(ids, ['k', '1'], ['k', '5050']));
      expect(count()).toBe(20);
      provider.take(takeBack(ids));
      expect(count()).toBe(20);
      for (let n = 0; n < 60; n += 1) {
        ports.advance(1);
        provider.take(takeBack(Array.from({ length: 20 }, (_, at) => `${n * 20 + at}`.padStart(64, 'a'))));
      }
      expect(count()).toBe(1_000);
      const { jobs } = make(file);
      expect([
        jobs.takenBack.has(ids[0] ?? '', alice.pubkey),
        jobs.takenBack.has('1199'.padStart(64, 'a'), alice.pubkey),
      ]).toEqual([false, true]);
    }));
});
