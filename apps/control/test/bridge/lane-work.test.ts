import type { Assignment, Capability } from '@autopilot/session';
import { computeCapability, SyncError, writeComputeDetail } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import type { AssignmentDesk } from '../../src/bridge/assignment-desk.ts';
import { LaneWork, type LaneWorkSettings } from '../../src/bridge/lane-work.ts';

const request_id = 'a'.repeat(64);
const customer = 'c'.repeat(64);
const request = {
  ...{ kind: 5_050, provider: 'b'.repeat(64), relays: [], isEncrypted: false },
  inputs: [{ data: 'x', type: 'text' as const }],
  params: [] as [string, string][],
};

/** A lane that does what a test says. */
class FakeDesk implements AssignmentDesk {
  isLive = true;
  readonly opened: string[] = [];
  readonly rows = new Map<string, Assignment>();
  offers: Capability[] = [];
  refusals: Error[] = [];
  readonly #listeners = new Set<() => void>();

  capabilities = () => this.offers;
  assignments = () => [...this.rows.values()];
  assignment = (id: string) => this.rows.get(id);
  readonly bindings = new Map<string, string>();
  identityOf = (pubkey: string) => this.bindings.get(pubkey);

  async open(id: string, provider: string, detail: string): Promise<void> {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    this.opened.push(`${id.slice(id.lastIndexOf('.') + 1)} ${provider}`);
    if (!this.rows.has(id)) this.put(id, { provider, detail, status: 'open' });
  }

  async cancel({ assignment_id, version }: Assignment, detail: string): Promise<void> {
    if (this.rows.get(assignment_id)?.version !== version) throw new SyncError('sequence_conflict', 'moved on');
    this.put(assignment_id, { status: 'cancelled', detail });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  put(id: string, changes: Partial<Assignment>): void {
    const before = this.rows.get(id);
    const empty = {
      requester: 'me',
      provider: '',
      stream_id: '',
      status: '',
      detail: '',
      created_at: 0n,
      updated_at: 0n,
    };
    this.rows.set(id, { ...empty, ...before, ...changes, assignment_id: id, version: (before?.version ?? 0n) + 1n });
    this.changed();
  }

  offer(identity: string, detail = '{}', kind = 5_050): void {
    this.offers.push({ identity, capability: computeCapability(kind), detail, updated_at: 0n, expires_at: 0n });
    this.changed();
  }

  changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

const idOf = (attempt: number) => `nostr.${request_id}.${attempt}`;
const running = (part: number, text: string) => writeComputeDetail({ request, progress: { part, text } });

function world(settings: Partial<LaneWorkSettings> = {}) {
  const ports = manualPorts();
  const desk = new FakeDesk();
  const work = new LaneWork(desk, ports.scheduler, { patienceMs: 1_000, providerMs: 500, retryMs: 100, ...settings });
  const parts: string[] = [];
  const stop = new AbortController();
  let outcome: unknown;
  const run = (paid: { amount_msat?: number } = {}) => {
    const ended = work.run(
      request,
      { request_id, customer, ...paid },
      async (text) => void parts.push(text),
      stop.signal,
    );
    ended.then(
      (result) => {
        outcome = result;
      },
      (error: Error) => {
        outcome = error.message;
      },
    );
  };
  const turn = async (milliseconds = 0) => {
    for (let n = 0; n < 10; n += 1) await ports.advanceAsync(n === 0 ? milliseconds : 0);
  };
  const tidy = () => [desk.listeners, ports.pending];
  return { ports, desk, work, parts, stop, run, turn, tidy, outcome: () => outcome };
}

describe('work on the lane', () => {
  test('one assignment is opened, its parts are passed on once, and its result is that of the job', async () => {
    const { desk, parts, run, turn, tidy, outcome } = world();
    desk.offer('p1');
    run();
    await turn();
    expect(desk.opened).toEqual(['1 p1']);
    desk.put(idOf(1), { status: 'accepted', detail: writeComputeDetail({ request }) });
    for (const text of ['one', 'one', 'two']) {
      desk.put(idOf(1), { status: 'running', detail: running(text === 'one' ? 1 : 2, text) });
      await turn();
    }
    // What a provider writes that is no detail is no part.
    desk.put(idOf(1), { status: 'running', detail: '[]' });
    await turn();
    desk.put(idOf(1), { status: 'done', detail: writeComputeDetail({ result: 'good' }) });
    await turn();
    expect([parts, outcome(), desk.opened.length]).toEqual([['one', 'two'], 'good', 1]);
    expect(tidy()).toEqual([0, 0]);
  });

  test('a bridge that begins again opens nothing before it knows what there is, and takes up what it finds', async () => {
    const { desk, run, turn, outcome } = world();
    desk.isLive = false;
    desk.offer('p1');
    run();
    await turn(10_000);
    expect(desk.opened).toEqual([]);
    desk.isLive = true;
    desk.put(idOf(1), { provider: 'p0', status: 'done', detail: writeComputeDetail({ result: 'from before' }) });
    await turn();
    expect([desk.opened, outcome()]).toEqual([[], 'from before']);
  });

  test('another provider is tried after a failure, and no more than are allowed', async () => {
    const { desk, run, turn, outcome } = world({ attempts: 2 });
    for (const identity of ['p3', 'p1', 'p2']) desk.offer(identity);
    run();
    await turn();
    for (const attempt of [1, 2]) {
      desk.put(idOf(attempt), {
        status: 'failed',
        detail: writeComputeDetail({ error: `no ${attempt}`, retry: true }),
      });
      await turn();
    }
    expect([desk.opened, outcome()]).toEqual([['1 p1', '2 p2'], 'The work failed: no 2']);
  });

  test('a failure that is no better elsewhere is the end', async () => {
    const { desk, run, turn, outcome } = world();
    desk.offer('p1');
    desk.offer('p2');
    run();
    await turn();
    desk.put(idOf(1), { status: 'failed', detail: writeComputeDetail({ error: 'no sense', retry: false }) });
    await turn();
    expect([desk.opened.length, outcome()]).toEqual([1, 'The work failed: no sense']);
  });

  test.each<[string, string, string]>([
    ['done without a result', 'done', '{}'],
    ['failed without a reason', 'failed', 'nonsense'],
  ])('an assignment that is %s is tried elsewhere', async (_what, status, detail) => {
    const { desk, run, turn } = world();
    desk.offer('p1');
    desk.offer('p2');
    run();
    await turn();
    desk.put(idOf(1), { status, detail });
    await turn();
    expect(desk.opened).toEqual(['1 p1', '2 p2']);
  });

  test('an assignment is taken back that nobody accepts, or whose provider is gone; one that is worked on is not', async () => {
    const { desk, run, turn } = world();
    for (const identity of ['p1', 'p2', 'p3']) desk.offer(identity);
    run();
    await turn();
    await turn(1_000);
    expect([desk.rows.get(idOf(1))?.status, desk.opened]).toEqual(['cancelled', ['1 p1', '2 p2']]);
    desk.put(idOf(2), { status: 'running', detail: running(1, 'busy') });
    await turn(5_000);
    expect(desk.rows.get(idOf(2))?.status).toBe('running');
    desk.offers = desk.offers.filter(({ identity }) => identity !== 'p2');
    await turn(1_000);
    await turn();
    expect([desk.rows.get(idOf(2))?.status, desk.opened.at(-1)]).toEqual(['cancelled', '3 p3']);
  });

  test('the provider is told who asks, and whose key that is where it is bound', async () => {
    for (const identity of [undefined, 'e'.repeat(64)]) {
      const { desk, run, turn } = world();
      if (identity !== undefined) desk.bindings.set(customer, identity);
      desk.offer('p1');
      run();
      await turn();
      const { request: told } = JSON.parse(desk.rows.get(idOf(1))?.detail ?? '');
      expect([told.customer, told.identity]).toEqual([customer, identity]);
    }
  });

  test('nobody is chosen who asks for more than the customer was asked for', async () => {
    for (const [amount_msat, chosen] of [
      [0, []],
      [20_999, []],
      [21_000, ['1 p1']],
    ] as const) {
      const { desk, run, turn } = world();
      desk.offer('p1', '{"amount_msat":21000}');
      run({ amount_msat });
      await turn();
      expect(desk.opened).toEqual(chosen);
      desk.offer('p2');
      await turn();
      expect(desk.opened).toEqual(chosen.length === 0 ? ['1 p2'] : chosen);
    }
  });

  test('the least busy provider is chosen', async () => {
    const { desk, run, turn } = world();
    desk.offer('p1');
    desk.offer('p2');
    desk.put('something else', { provider: 'p1', status: 'running' });
    run();
    await turn();
    expect(desk.opened).toEqual(['1 p2']);
  });

  test('without a provider it waits a while, and says so', async () => {
    const { desk, run, turn, tidy, outcome, work } = world();
    desk.offer('p1', '{}', 5_100);
    run();
    await turn(499);
    expect(outcome()).toBeUndefined();
    await turn(1);
    expect(outcome()).toBe('Nobody on the lane computes requests of kind 5050.');
    expect([tidy(), work.kinds()]).toEqual([[0, 0], [5_100]]);
  });

  test('a call that got lost is made again, one that is refused is the end', async () => {
    const { desk, run, turn, outcome } = world();
    desk.refusals = [new SyncError('unavailable', 'away'), new Error('lost'), new SyncError('forbidden', 'no grant')];
    desk.offer('p1');
    run();
    for (let n = 0; n < 3; n += 1) await turn(100);
    expect([desk.opened, outcome()]).toEqual([[], 'The work failed: no grant']);
  });

  test('ending it leaves nothing behind, and the assignment as it is', async () => {
    const { desk, run, turn, tidy, stop, outcome } = world();
    desk.offer('p1');
    run();
    await turn();
    stop.abort(new Error('the bridge stops'));
    await turn();
    expect([outcome(), tidy(), desk.rows.get(idOf(1))?.status]).toEqual(['the bridge stops', [0, 0], 'open']);
  });

  test('a sweep takes back what no job wants, and nothing else', async () => {
    const { desk, work } = world();
    const other = 'd'.repeat(64);
    desk.put(`nostr.${other}.1`, { status: 'open' });
    desk.put(`nostr.${other}.2`, { status: 'done' });
    desk.put(idOf(1), { status: 'running' });
    desk.put('somebody-else', { status: 'open' });
    expect(await work.sweep((id) => id === request_id)).toBe(1);
    expect(desk.assignments().map(({ status }) => status)).toEqual(['cancelled', 'done', 'running', 'open']);
  });

  test.each<[string, object | undefined]>([
    ['{"amount_msat":21000,"bolt11":"lnbc"}', { amount_msat: 21_000, bolt11: 'lnbc' }],
    ['{"amount_msat":21000}', { amount_msat: 21_000 }],
    ['{"amount_msat":0}', undefined],
    ['{"amount_msat":"21000"}', undefined],
    ['no json', undefined],
    ['{}', undefined],
  ])('the price of a capability that says %s', async (detail, price) => {
    const { desk, work } = world();
    desk.offer('p1', detail);
    expect(await work.quote(request)).toEqual(price);
  });
});
