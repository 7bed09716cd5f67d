// Customer and provider, each with a file, and the events carried by hand.
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import {
  type BridgeFile,
  JobCustomer,
  JobProvider,
  type JobProviderParts,
  JobStore,
  type JobWork,
  type NostrEvent,
  Outbox,
  OutboxStore,
  QuoteStore,
  secretKeyCipher,
} from '../../src/index.ts';
import { codeOf, withFile } from '../support/bridge-file.ts';
import { alice, bob, keyOf, second, sign } from '../support/events.ts';

const relays = ['ws://one'];
const quorum = { type: 'all' } as const;
const spec = {
  kind: 5_050,
  provider: bob.pubkey,
  inputs: [{ data: 'hi', type: 'text' }],
  params: [],
  relays,
  isEncrypted: true,
} as const;

function make(
  customerFile: BridgeFile,
  providerFile: BridgeFile,
  work: Partial<JobWork> = {},
  changes: Partial<JobProviderParts> = {},
) {
  const ports = manualPorts({ start: second * 1000 });
  const part = (file: BridgeFile, signer: typeof alice, name: string) => {
    const store = new OutboxStore(file, ports.clock);
    const outbox = new Outbox({ file, store, ports, signer, signMs: 1_000 });
    return {
      store,
      outbox,
      jobs: new JobStore(file, ports.clock),
      quotes: new QuoteStore(file, ports.clock),
      cipher: secretKeyCipher(keyOf(name), ports.random),
      ports,
      quorum,
    };
  };
  const ofAlice = part(customerFile, alice, 'alice');
  const ofBob = part(providerFile, bob, 'bob');
  const customer = new JobCustomer({ ...ofAlice, jobMs: 60_000 });
  const all: JobWork = { quote: () => undefined, run: async () => 'the result', ...work };
  const provider = new JobProvider({
    ...ofBob,
    work: all,
    kinds: [5_050],
    relays,
    jobMs: 60_000,
    runMs: 5_000,
    quoteMs: 1_000,
    maxRunning: 2,
    pollMs: 1_000,
    ...changes,
  });
  /** Everything that one side has stored and the other one has not seen. */
  const sent = ({ store }: { store: OutboxStore }) => {
    const out: NostrEvent[] = [];
    for (let claimed = store.claim('ws://one'); claimed !== undefined; claimed = store.claim('ws://one'))
      out.push(claimed.event);
    return out;
  };
  const settle = async () => {
    for (let turn = 0; turn < 15; turn += 1) await ports.advanceAsync(0);
  };
  const toProvider = async () => {
    for (const event of sent(ofAlice)) provider.take(event);
    provider.wake();
    await settle();
  };
  const toCustomer = () => sent(ofBob).map((event) => customer.take(event)?.state);
  return { ports, customer, provider, ofAlice, ofBob, toProvider, toCustomer, sent, settle };
}

const withBoth = (body: (a: BridgeFile, b: BridgeFile) => Promise<void>) =>
  withFile((a) => withFile((b) => body(a, b)));

describe('jobs', () => {
  test('J3 J4 a job goes through quote, payment, work and result, on both sides', async () => {
    await withBoth(async (a, b) => {
      const work: Partial<JobWork> = {
        quote: () => ({ amount_msat: 9_000, bolt11: 'lnbc1' }),
        run: async ({ inputs }, _job, progress) => {
          await progress('half');
          return `got ${inputs[0]?.data}`;
        },
      };
      const { customer, provider, ofAlice, ofBob, toProvider, toCustomer, settle } = make(a, b, work);
      provider.start();
      const job = await customer.request('k', spec);
      expect(await customer.request('k', spec)).toEqual(job);
      await toProvider();
      expect(toCustomer()).toEqual(['quoted']);
      expect(ofAlice.jobs.get('customer', job.request_id)).toMatchObject({ amount_msat: 9_000, bolt11: 'lnbc1' });
      customer.notePaid(job.request_id);
      provider.notePaid(job.request_id);
      await settle();
      expect(toCustomer()).toEqual(['processing', 'partial', 'done']);
      expect(ofAlice.jobs.get('customer', job.request_id)).toMatchObject({ state: 'done', detail: 'got hi' });
      expect(ofBob.jobs.get('provider', job.request_id)).toMatchObject({ state: 'done', detail: 'got hi' });
      provider.stop();
    });
  });

  test('J2 J6 only the provider that was asked speaks of a job, and only who asked may take it back', async () => {
    await withBoth(async (a, b) => {
      const { customer, provider, ofAlice, ofBob, toProvider, sent } = make(a, b, {
        quote: () => ({ amount_msat: 1 }),
      });
      provider.start();
      const { request_id } = await customer.request('k', spec);
      const answer = (signer: typeof bob, kind: number, tags: string[][]) =>
        sign({ kind, tags: [['e', request_id], ...tags] }, signer);
      expect(customer.take(answer(alice, 6_050, []))).toBeUndefined();
      expect(customer.take(answer(bob, 6_051, []))).toBeUndefined();
      expect(customer.take(answer(bob, 7_000, [['status', 'success']]))).toBeUndefined();
      expect(customer.take(answer(bob, 7_000, [['status', 'toString']]))).toBeUndefined();
      expect(customer.take(sign({ kind: 6_050, tags: [['e', 'other']] }, bob))).toBeUndefined();
      expect(ofAlice.jobs.get('customer', request_id)?.state).toBe('offered');
      await toProvider();
      provider.take(answer(bob, 5, []));
      expect(ofBob.jobs.get('provider', request_id)?.state).toBe('quoted');
      await customer.cancel(request_id);
      expect((await customer.cancel(request_id)).state).toBe('cancelled');
      for (const event of sent(ofAlice)) provider.take(event);
      expect([ofBob.jobs.get('provider', request_id)?.state, provider.counters.cancelled]).toEqual(['cancelled', 1]);
      expect(await codeOf(() => provider.notePaid(request_id))).toBe('job_refused');
      expect(await codeOf(() => customer.notePaid('none'))).toBe('unknown_job');
      // A result that was on its way changes nothing.
      expect(customer.take(answer(bob, 6_050, []))).toBeUndefined();
      provider.stop();
    });
  });

  test('J8 answers are asked for by filters that relays take, and what could not be answered is not asked', async () => {
    await withBoth(async (a, b) => {
      const kinds = Array.from({ length: 45 }, (_, n) => 5_000 + n);
      const { customer, ofAlice, provider } = make(a, b);
      expect(customer.filters()).toEqual([{ '#p': [alice.pubkey] }]);
      const narrow = new JobCustomer({ ...ofAlice, jobMs: 60_000, kinds });
      expect(narrow.filters().map((filter) => filter.kinds?.length)).toEqual([20, 20, 6]);
      expect(narrow.filters().flatMap((filter) => filter.kinds ?? [])).toEqual([
        7_000,
        ...kinds.map((kind) => kind + 1_000),
      ]);
      expect(narrow.filters().every((filter) => filter['#p']?.[0] === alice.pubkey)).toBe(true);
      expect(await codeOf(() => narrow.request('k', spec))).toBe('invalid_option');
      expect(provider.filters()).toEqual([{ kinds: [5, 5_050], '#p': [bob.pubkey] }]);
      expect(make(a, b, {}, { kinds }).provider.filters()).toHaveLength(3);
    });
  });

  test('J2 the same request twice is one job, and what is for others, or of another kind, is none', async () => {
    await withBoth(async (a, b) => {
      const { customer, provider, ofBob } = make(a, b);
      const job = await customer.request('k', spec);
      provider.take(job.request);
      provider.take(job.request);
      provider.take(sign({ kind: 5_050, tags: [['p', alice.pubkey]] }));
      provider.take(sign({ kind: 5_051, tags: [['p', bob.pubkey]] }));
      provider.take(sign({ kind: 1, tags: [['p', bob.pubkey]] }));
      expect([provider.counters.taken, ofBob.jobs.list('offered', 9).length]).toEqual([1, 1]);
    });
  });

  test.each<[string, Partial<JobWork>]>([
    ['throws', { run: () => Promise.reject(new Error('no')) }],
    ['never ends', { run: () => new Promise(() => {}) }],
    ['gives no quote', { quote: () => Promise.reject(new Error('no')) }],
    ['quotes for ever', { quote: () => new Promise(() => {}) }],
  ])('J5 work that %s is one error', async (_what, work) => {
    await withBoth(async (a, b) => {
      const { customer, provider, ports, ofBob, toProvider, toCustomer, settle } = make(a, b, work);
      provider.start();
      const { request_id } = await customer.request('k', spec);
      await toProvider();
      await ports.advanceAsync(5_000);
      await settle();
      expect(toCustomer().at(-1)).toBe('error');
      expect([ofBob.jobs.get('provider', request_id)?.state, provider.counters.failed]).toEqual(['error', 1]);
      provider.stop();
    });
  });

  test('J5 a request that cannot be decrypted is one error, and holds up no other', async () => {
    await withBoth(async (a, b) => {
      const { customer, provider, ofBob, toProvider } = make(a, b);
      provider.start();
      const bad = sign({ kind: 5_050, tags: [['p', bob.pubkey], ['encrypted']], content: 'nothing' });
      provider.take(bad);
      const { request_id } = await customer.request('k', spec);
      await toProvider();
      expect(ofBob.jobs.get('provider', request_id)?.state).toBe('done');
      expect(ofBob.jobs.get('provider', bad.id)?.state).toBe('error');
      provider.stop();
    });
  });

  test('J6 a job that is cancelled while it runs is ended, and publishes nothing', async () => {
    await withBoth(async (a, b) => {
      let finish: (text: string) => void = () => {};
      let signal: AbortSignal | undefined;
      const run: JobWork['run'] = (_request, _job, _progress, given) => {
        signal = given;
        return new Promise((resolve) => {
          finish = resolve;
        });
      };
      const { customer, provider, ofAlice, ofBob, toProvider, sent, settle } = make(a, b, { run });
      provider.start();
      const { request_id } = await customer.request('k', spec);
      await toProvider();
      sent(ofBob);
      await customer.cancel(request_id);
      for (const event of sent(ofAlice)) provider.take(event);
      expect(signal?.aborted).toBe(true);
      finish('too late');
      await settle();
      expect([sent(ofBob), provider.counters.refused, ofBob.jobs.get('provider', request_id)?.state]).toEqual([
        [],
        1,
        'cancelled',
      ]);
      provider.stop();
    });
  });

  test('J6 a job ends when its time has come, on both sides', async () => {
    await withBoth(async (a, b) => {
      const { customer, provider, ports, ofAlice, ofBob, toProvider } = make(a, b, {
        quote: () => ({ amount_msat: 1 }),
      });
      provider.start();
      const { request_id } = await customer.request('k', { ...spec, expiration: second + 30 });
      await toProvider();
      expect(ofAlice.jobs.expire(9)).toEqual([]);
      await ports.advanceAsync(31_000);
      expect(ofAlice.jobs.expire(9)).toMatchObject([{ request_id, state: 'expired' }]);
      expect([ofBob.jobs.get('provider', request_id)?.state, provider.counters.expired]).toEqual(['expired', 1]);
      provider.stop();
    });
  });

  test('J5 a stop interrupts without an answer; the next start does the work and answers', async () => {
    await withBoth(async (a, b) => {
      const run: JobWork['run'] = (_request, _job, _progress, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
      const first = make(a, b, { run });
      first.provider.start();
      const { request_id } = await first.customer.request('k', spec);
      await first.toProvider();
      first.provider.stop();
      await first.settle();
      expect(first.ofBob.jobs.get('provider', request_id)?.state).toBe('processing');
      const again = make(a, b);
      again.provider.start();
      await again.settle();
      expect(again.ofBob.jobs.get('provider', request_id)).toMatchObject({ state: 'done', detail: 'the result' });
      again.provider.stop();
    });
  });

  test('J7 at most so many jobs run at once, and none waits for one that waits for its payment', async () => {
    await withBoth(async (a, b) => {
      const finish: ((text: string) => void)[] = [];
      const run: JobWork['run'] = () => new Promise((resolve) => finish.push(resolve));
      const { customer, provider, ofBob, toProvider, settle } = make(a, b, { run });
      provider.start();
      for (const key of ['a', 'b', 'c', 'd']) await customer.request(key, spec);
      await toProvider();
      expect([finish.length, ofBob.jobs.list('offered', 9).length]).toEqual([2, 2]);
      finish[0]?.('one');
      await settle();
      expect([finish.length, ofBob.jobs.list('done', 9).length]).toEqual([3, 1]);
      provider.stop();
    });
  });

  test('J5 a file that refuses is a fault that is tried again, not an error of the job', async () => {
    await withBoth(async (a, b) => {
      const { customer, provider, ports, ofBob, toProvider, settle } = make(a, b);
      const { request_id } = await customer.request('k', spec);
      await toProvider();
      provider.start();
      b.sqlite.pragma('query_only = on');
      await ports.advanceAsync(3_000);
      await settle();
      expect(provider.counters.faults).toBeGreaterThan(0);
      b.sqlite.pragma('query_only = off');
      await ports.advanceAsync(1_000);
      await settle();
      expect(ofBob.jobs.get('provider', request_id)?.state).toBe('done');
      provider.stop();
    });
  });
});
