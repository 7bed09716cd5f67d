// A customer that names no provider, and those who answer; the events are carried by hand.
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import {
  type BridgeFile,
  JobCustomer,
  JobProvider,
  type JobProviderParts,
  type JobRequest,
  JobStore,
  Outbox,
  OutboxStore,
  QuoteStore,
  secretKeyCipher,
  secretKeySigner,
} from '../../src/index.ts';
import { codeOf, withFile } from '../support/bridge-file.ts';
import { alice, bob, keyOf, second, sign } from '../support/events.ts';

const relays = ['ws://one'];
const quorum = { type: 'all' } as const;
const spec: JobRequest = { kind: 5_050, inputs: [], params: [], relays, isEncrypted: false };
const steady = { next: () => 0.5, bytes: (length: number) => new Uint8Array(length).fill(7) };
const carol = secretKeySigner(keyOf('carol'), steady);

function parts(file: BridgeFile, signer: typeof alice) {
  const ports = manualPorts({ start: second * 1000 });
  const store = new OutboxStore(file, ports.clock);
  const outbox = new Outbox({ file, store, ports, signer, signMs: 1_000 });
  const jobs = new JobStore(file, ports.clock);
  return { ports, store, outbox, jobs, quorum, quotes: new QuoteStore(file, ports.clock), jobMs: 60_000 };
}

/** A customer with one job for everybody, and what providers say of it. */
async function ask(file: BridgeFile) {
  const ofAlice = parts(file, alice);
  const customer = new JobCustomer({ ...ofAlice, cipher: secretKeyCipher(keyOf('alice'), steady) });
  const { request, request_id } = await customer.request('k', spec);
  const say = (signer: typeof alice, kind: number, content: string, ...tags: string[][]) =>
    customer.take(sign({ kind, content, tags: [['e', request_id], ...tags] }, signer))?.state;
  return {
    ...ofAlice,
    customer,
    request,
    request_id,
    job: () => ofAlice.jobs.get('customer', request_id),
    result: (signer: typeof alice, content: string) => say(signer, 6_050, content),
    feedback: (signer: typeof alice, status: string, content = '', ...tags: string[][]) =>
      say(signer, 7_000, content, ['status', status], ...tags),
  };
}

describe('a request to whoever answers', () => {
  test('J9 the first result binds its provider to the job, and is the only one that is kept', () =>
    withFile(async (file) => {
      const { customer, request, job, result, feedback } = await ask(file);
      expect(request.tags.filter(([name]) => name === 'p')).toEqual([]);
      expect(job()?.provider).toBe('');
      // Easily said: it binds nobody, and the error of one does not end the job of all.
      for (const status of ['processing', 'partial', 'error']) expect(feedback(bob, status, 'x')).toBeUndefined();
      expect(job()).toMatchObject({ state: 'offered', version: 1, provider: '' });
      expect(result(carol, 'of carol')).toBe('done');
      expect(result(bob, 'of bob')).toBeUndefined();
      expect(result(carol, 'again')).toBeUndefined();
      expect(job()).toMatchObject({ state: 'done', detail: 'of carol', provider: carol.pubkey });
      expect(customer.counters).toMatchObject({ moved: 1, others: 1, unbound: 3, crowded: 0 });
      expect(customer.quotes(request.id)).toEqual([]);
    }));

  test('J9 a quote binds nobody until it is said to be paid; then its provider alone counts', () =>
    withFile(async (file) => {
      const { customer, request_id, job, result, feedback } = await ask(file);
      expect(feedback(bob, 'payment-required', 'cheap', ['amount', '1000', 'lnbob'])).toBe('quoted');
      expect(feedback(carol, 'payment-required', 'dear', ['amount', '9000'])).toBe('quoted');
      expect(feedback(bob, 'payment-required', 'cheaper', ['amount', '900', 'lnbob2'])).toBe('quoted');
      const quotes = customer.quotes(request_id);
      expect(new Map(quotes.map(({ provider, amount_msat, bolt11 }) => [provider, [amount_msat, bolt11]]))).toEqual(
        new Map([
          [bob.pubkey, [900, 'lnbob2']],
          [carol.pubkey, [9_000, undefined]],
        ]),
      );
      expect(await codeOf(() => customer.notePaid(request_id))).toBe('job_refused');
      expect(await codeOf(() => customer.notePaid(request_id, alice.pubkey))).toBe('job_refused');
      expect(job()).toMatchObject({ state: 'quoted', provider: '' });
      expect(customer.notePaid(request_id, bob.pubkey)).toMatchObject({
        state: 'paid',
        provider: bob.pubkey,
        amount_msat: 900,
        bolt11: 'lnbob2',
      });
      expect(await codeOf(() => customer.notePaid(request_id, carol.pubkey))).toBe('job_refused');
      expect(result(carol, 'of carol')).toBeUndefined();
      expect(feedback(bob, 'processing')).toBe('processing');
      // Bound, it asks for more: nobody else is paid for it.
      expect(feedback(bob, 'payment-required', 'more', ['amount', '50'])).toBe('quoted');
      expect(await codeOf(() => customer.notePaid(request_id, carol.pubkey))).toBe('job_refused');
      expect(customer.notePaid(request_id)).toMatchObject({ state: 'paid', amount_msat: 50 });
      expect(result(bob, 'of bob')).toBe('done');
      expect(job()).toMatchObject({ state: 'done', detail: 'of bob' });
      expect(customer.counters).toMatchObject({ others: 1, unbound: 0 });
    }));

  test('J9 a job has so many quotes and no more, and a job that ended takes none', () =>
    withFile(async (file) => {
      const { customer, request_id, feedback } = await ask(file);
      const providers = Array.from({ length: 20 }, (_, n) => secretKeySigner(keyOf(`provider ${n}`), steady));
      for (const provider of providers) feedback(provider, 'payment-required', '', ['amount', '1']);
      expect(customer.quotes(request_id)).toHaveLength(16);
      expect(customer.counters.crowded).toBe(4);
      expect(feedback(providers[0] ?? bob, 'payment-required', 'less')).toBe('quoted');
      await customer.cancel(request_id);
      expect(feedback(providers[0] ?? bob, 'payment-required', 'more')).toBeUndefined();
      expect(customer.quotes(request_id).map(({ detail }) => detail)).not.toContain('more');
    }));

  test('J9 what is for everybody is not encrypted, and is taken back from everybody', () =>
    withFile(async (file) => {
      const { customer, request_id, store } = await ask(file);
      expect(await codeOf(() => customer.request('secret', { ...spec, isEncrypted: true }))).toBe('invalid_option');
      store.claim('ws://one');
      await customer.cancel(request_id);
      expect(store.claim('ws://one')?.event.tags).toEqual([
        ['e', request_id],
        ['k', '5050'],
      ]);
    }));
});

describe('a provider', () => {
  const make = (file: BridgeFile, changes: Partial<JobProviderParts> = {}) => {
    const ofBob = parts(file, bob);
    const work = { quote: () => undefined, run: async () => 'the result' };
    const bounds = { runMs: 1_000, quoteMs: 1_000, maxRunning: 2, pollMs: 1_000 };
    const provider = new JobProvider({ ...ofBob, work, relays, kinds: [5_050, 5_051], ...bounds, ...changes });
    return { ...ofBob, provider };
  };
  const open = (content: string, ...tags: string[][]) => sign({ kind: 5_050, content, tags });

  test('J10 takes requests that name nobody only where it is told to, and none that is for others or hidden', () =>
    withFile(async (file) => {
      const strict = make(file);
      expect(strict.provider.take(open('a'))).toBe(false);
      expect(strict.provider.filters()).toEqual([{ kinds: [5, 5_050, 5_051], '#p': [bob.pubkey] }]);
      const { provider, jobs } = make(file, { takesOpenRequests: true });
      expect(provider.take(open('b', ['p', alice.pubkey]))).toBe(false);
      expect(provider.take(open('c', ['encrypted']))).toBe(false);
      expect(provider.take(open('d', ['p', alice.pubkey], ['p', bob.pubkey]))).toBe(true);
      expect(provider.take(open('e'))).toBe(true);
      expect(jobs.counts()).toEqual([{ role: 'provider', state: 'offered', number: 2 }]);
      expect(provider.filters()).toEqual([
        { kinds: [5_050, 5_051] },
        { kinds: [5], '#p': [bob.pubkey] },
        { kinds: [5], '#k': ['5050', '5051'] },
      ]);
    }));

  test('J10 answers a request that names nobody as every other, and ends it when it is taken back', () =>
    withFile(async (file) => {
      const { provider, jobs, ports, store } = make(file, { takesOpenRequests: true });
      const [first, next] = [open('a'), open('b')];
      for (const event of [first, next]) provider.take(event);
      provider.take(
        sign({
          kind: 5,
          tags: [
            ['e', next.id],
            ['k', '5050'],
          ],
        }),
      );
      provider.start();
      for (let turn = 0; turn < 20; turn += 1) await ports.advanceAsync(0);
      expect([first, next].map(({ id }) => jobs.get('provider', id)?.state)).toEqual(['done', 'cancelled']);
      const said = [store.claim('ws://one'), store.claim('ws://one'), store.claim('ws://one')];
      expect(said.map((claimed) => claimed?.event.kind)).toEqual([7_000, 6_050, undefined]);
      expect(said[1]?.event.tags).toContainEqual(['p', alice.pubkey]);
      provider.stop();
    }));

  test('J11 has so many jobs that have not ended, and counts what it does not take beside them', () =>
    withFile(async (file) => {
      const { provider, jobs } = make(file, { takesOpenRequests: true, maxOpenJobs: 2 });
      const mine = ['p', bob.pubkey];
      const taken = [open('a'), open('b', mine), open('c'), open('d', mine)].map((event) => provider.take(event));
      expect([taken, provider.counters.crowded, provider.counters.taken]).toEqual([[true, true, false, false], 2, 2]);
      // One that is there already is not one too many.
      expect([provider.take(open('a')), provider.counters.crowded]).toEqual([false, 2]);
      jobs.add('customer', open('of another role'), '', (second + 9) * 1000);
      jobs.move('provider', open('a').id, 'cancel');
      expect([provider.take(open('e')), provider.take(open('f'))]).toEqual([true, false]);
    }));

  test('J11 how many have not ended is found without looking at those that did', () =>
    withFile((file) => {
      const plan = file.sqlite
        .prepare(`explain query plan select count(*) from jobs where state in ('offered', 'quoted') and +role = ?`)
        .all('provider') as { detail: string }[];
      expect(plan[0]?.detail).toContain('USING COVERING INDEX jobs_by_end');
    }));
});
