import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { atEnd } from '../support/cleanup.ts';
import { around, type CutoverActs, observation, trustedKey } from '../support/cutover.ts';
import { send } from '../support/harness.ts';
import type { NewPlace, Place } from '../support/place.ts';
import { waitUntil } from '../support/wait-until.ts';

interface Child extends CutoverActs {
  readonly ended: Promise<NodeJS.Signals | null>;
  kill(): Promise<void>;
}

/** Where a control kills itself, and what must be found when it is started again. */
const points: readonly (readonly [name: string, killAt: string, after: 'approved' | 'flipping' | 'done'])[] = [
  ['before the request is stored', '"type":"propose"', 'approved'],
  ['when an approval is stored', '"cutover":"flip_approved"', 'approved'],
  ['before the policy is published', '"type":"advance"', 'approved'],
  ['when the policy is published, before anybody is told', '"cutover":"flip_started"', 'flipping'],
  ['while acknowledgements are counted', '"type":"acknowledge"', 'flipping'],
  ['when the flip is done', '"cutover":"flip_done"', 'done'],
];

/** A flip over crashes, on every kind of store: real processes, ended by SIGKILL. */
export function sagaSuite(place: NewPlace): void {
  async function run(where: Place, killAt?: string, ackTimeout = 600_000, ahead = 0): Promise<Child> {
    const main = path.join(import.meta.dirname, '../support/control-child.ts');
    const options = { ...where, killAt, ackTimeout, ahead, issuer: 'https://control.example', gateKey: trustedKey };
    const child: ChildProcess = spawn(
      process.execPath,
      ['--conditions=@autopilot/source', main, JSON.stringify(options)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = new Promise<NodeJS.Signals | null>((resolve) =>
      child.once('close', (_code, signal) => resolve(signal)),
    );
    atEnd(() => child.kill('SIGKILL'));
    const url = await new Promise<string>((resolve) => {
      child.stdout?.once('data', (data) => resolve(String(data).trim()));
    });
    const kill = async () => {
      child.kill('SIGKILL');
      await ended;
    };
    return { ...around((method, target, init = {}) => send(`${url}${target}`, method, init)), ended, kill };
  }

  /** Everything up to the flip; what the crash cuts off fails, and is done by the caller again. */
  async function prepare(it: CutoverActs, units?: readonly string[]): Promise<void> {
    await it.fill(units);
    await it.submit(observation('rulebook', (await it.status()).now));
    await waitUntil(
      async () => (await it.request('POST', '/v1/cutover/plan', { as: 'anna', body: { to: 1 } })).body.plan.ready,
    );
  }

  /** Goes on with the flip from wherever it is. */
  async function complete(it: CutoverActs): Promise<void> {
    const state = async () => (await it.get('state')).body.state;
    if ((await state()).status === 'idle' && (await state()).stage === 0) await it.act('anna', 'requests', { to: 1 });
    for (const by of ['bert', 'cleo']) {
      const { flip, status } = await state();
      if (status !== 'requested') continue;
      if (flip.approvals.some((approval: { by: string }) => approval.by === by)) continue;
      await it.act(by, `requests/${flip.id}/approvals`, { plan_digest: flip.plan_digest });
    }
    const { flip, status } = await state();
    if (status === 'approved') await it.act('anna', `requests/${flip.id}/advance`);
  }

  const acknowledge = async (it: CutoverActs) => {
    for (const unit of ['u1', 'u2']) await it.beat(unit, { rule: 'S1.2' });
  };

  describe('flip over crashes', () => {
    test.each(points)(
      'K14 SIGKILL %s: the next start goes on with it',
      async (_name, killAt, after) => {
        const where = await place();
        const first = await run(where, killAt);
        await prepare(first);
        // The crash breaks whichever of these it hits.
        await complete(first).catch(() => undefined);
        await acknowledge(first).catch(() => undefined);
        expect(await first.ended).toBe('SIGKILL');

        const second = await run(where);
        const { state } = (await second.get('state')).body;
        if (after === 'approved') expect(['idle', 'requested', 'approved']).toContain(state.status);
        if (after === 'flipping') expect(state).toMatchObject({ status: 'flipping', stage: 1 });
        if (after === 'done') expect(state).toMatchObject({ status: 'idle', stage: 1, last_flip: { outcome: 'done' } });
        await complete(second);
        await acknowledge(second);
        await waitUntil(async () => (await second.get('state')).body.state.status === 'idle');
        expect((await second.get('state')).body.state).toMatchObject({ stage: 1, last_flip: { outcome: 'done' } });
        const { records } = (await second.get('audit?limit=100')).body;
        const count = (event: string) => records.filter((record: { event: string }) => record.event === event).length;
        expect([count('flip_requested'), count('flip_approved'), count('flip_started'), count('flip_done')]).toEqual([
          1, 2, 1, 1,
        ]);
        expect((await second.get('audit/verify')).body).toMatchObject({ ok: true, records: records.length });
        await second.kill();
      },
      30_000,
    );

    test('K14 a flip whose time ran out while control was dead is undone by the next start', async () => {
      const where = await place();
      const first = await run(where, '"cutover":"flip_started"', 1_500);
      await prepare(first);
      await complete(first).catch(() => undefined);
      expect(await first.ended).toBe('SIGKILL');
      const second = await run(where, '"type":"timeout"', 1_500);
      // And dies once more, just before it undoes it.
      expect(await second.ended).toBe('SIGKILL');
      const third = await run(where, undefined, 1_500);
      await waitUntil(async () => (await third.get('state')).body.state.status === 'idle');
      expect((await third.get('state')).body.state).toMatchObject({ stage: 0, last_flip: { outcome: 'undone' } });
      const { records } = (await third.get('audit?limit=100')).body;
      expect(records.map((record: { event: string }) => record.event).slice(-2)).toEqual([
        'flip_started',
        'flip_undone',
      ]);
      await third.kill();
    }, 30_000);

    describe('of a fleet of twelve', () => {
      const fleet = Array.from({ length: 12 }, (_, index) => `u${index}`);
      const few = fleet.slice(0, 4);
      const hour = 3_600_000;

      /** A control that was killed in the flip, and started again when every heartbeat of before is an hour old. */
      async function anHourLater(where: Place, ackTimeout: number): Promise<Child> {
        const first = await run(where, '"cutover":"flip_started"', ackTimeout);
        await prepare(first, fleet);
        await complete(first).catch(() => undefined);
        expect(await first.ended).toBe('SIGKILL');
        return run(where, undefined, ackTimeout, hour);
      }

      test('K14, K16 the flip waits for those that come back late', async () => {
        const second = await anHourLater(await place(), 24 * hour);
        const heard = async () => (await second.get('state')).body.state.flip?.publication;
        for (const unit of few) await second.beat(unit, { rule: 'S1.2' });
        await waitUntil(async () => [4, undefined].includes((await heard())?.acknowledged));
        expect(await heard()).toMatchObject({ expected: 12, acknowledged: 4 });
        const { units } = await second.status();
        expect(units).toMatchObject({ live: 12, silent: 0, acknowledged: 4 });
        for (const unit of fleet.slice(4)) await second.beat(unit, { rule: 'S1.2' });
        await waitUntil(async () => (await second.get('state')).body.state.status === 'idle');
        const { state } = (await second.get('state')).body;
        expect(state).toMatchObject({
          stage: 1,
          last_flip: { outcome: 'done', reason: expect.stringContaining('12 of 12') },
        });
        await second.kill();
      }, 30_000);

      test('K14, K16 the flip is undone at its deadline when they do not', async () => {
        const second = await anHourLater(await place(), hour + 3_000);
        for (const unit of few) await second.beat(unit, { rule: 'S1.2' });
        await waitUntil(async () => (await second.get('state')).body.state.status === 'idle');
        const { state } = (await second.get('state')).body;
        expect(state).toMatchObject({
          stage: 0,
          last_flip: { outcome: 'undone', reason: expect.stringMatching(/^\d of 12 /) },
        });
        await second.kill();
      }, 30_000);

      test('K16 what units said before nobody listened is no evidence of now', async () => {
        const second = await anHourLater(await place(), 24 * hour);
        const facts = async () => {
          const { plan } = (await second.request('POST', '/v1/cutover/plan', { as: 'anna', body: { to: 2 } })).body;
          return plan.requirements.find((each: { id: string }) => each.id === 'target');
        };
        expect(await facts()).toMatchObject({ status: 'failed' });
        await second.beat('u0');
        expect(await facts()).toMatchObject({ status: 'met' });
        await second.kill();
      }, 30_000);
    });
  });
}
