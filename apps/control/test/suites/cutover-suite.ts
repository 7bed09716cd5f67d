import { parsePolicy, verifyAdmission, verifyAudit, verifyPolicy } from '@autopilot/cutover-flags';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { sql } from 'kysely';
import { createReceiptStore } from '../../src/cutover/receipt-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { type CutoverHarness, observation, quickConfig, startCutover, trustedKey } from '../support/cutover.ts';
import { issuer } from '../support/harness.ts';
import type { NewPlace, Place } from '../support/place.ts';
import { waitUntil } from '../support/wait-until.ts';

// Only a limit: a busy machine may take long over the many requests of one test.
jest.setTimeout(30_000);

/** What the cutover must do on every kind of store. */
export function cutoverSuite(place: NewPlace): void {
  const open: CutoverHarness[] = [];

  async function start(overrides: Parameters<typeof startCutover>[0] = {}, where?: Place): Promise<CutoverHarness> {
    const made = await startCutover({ ...(where ?? (await place())), ...overrides });
    open.push(made);
    return made;
  }

  afterEach(async () => {
    for (const each of open.splice(0)) await each.control.close();
  });

  const delivered = (it: CutoverHarness) =>
    waitUntil(async () => {
      const { body } = await it.request('GET', '/v1/projections/status', { as: 'operator' });
      return body.delivered === 3;
    });

  /** Everything that Stage 1 asks for. */
  async function ready(it: CutoverHarness): Promise<void> {
    await it.fill();
    await delivered(it);
    expect((await it.submit(observation('rulebook', (await it.status()).now))).status).toBe(201);
    await waitUntil(
      async () => (await it.request('POST', '/v1/cutover/plan', { as: 'anna', body: { to: 1 } })).body.plan.ready,
    );
  }

  async function flipTo1(it: CutoverHarness): Promise<void> {
    await ready(it);
    const id = await it.approved(1);
    expect((await it.act('anna', `requests/${id}/advance`)).status).toBe(200);
    for (const unit of ['u1', 'u2']) await it.beat(unit, { rule: 'S1.2' });
    await waitUntil(async () => (await it.get('state')).body.state.status === 'idle');
    expect((await it.status()).state).toMatchObject({ stage: 1, last_flip: { outcome: 'done', to: 1 } });
  }

  describe('cutover', () => {
    test('begins in Stage 0 with khala and in Stage 2 without, and publishes a signed policy', async () => {
      const it = await start();
      expect((await it.status()).state).toMatchObject({ stage: 0, stage_name: 'hidden validation', status: 'idle' });
      const { body } = await it.get('policy?unit=u1', 'desktop');
      const jwks = (await it.request('GET', '/.well-known/jwks.json')).body;
      const policy = await verifyPolicy(body.policy, jwks, { deployment: issuer, minRevision: 1 });
      expect(policy).toMatchObject({ stage: 0, revision: 1, deployment: issuer, shadow_sample: 1 });
      expect(body).toMatchObject({ admission: null, policy_revision: 1, deployment: issuer, next_ms: 15_000 });
      const without = await start({ khala: null });
      expect((await without.status()).state).toMatchObject({ stage: 2 });
      expect((await without.status()).mirror.state).toBe('absent');
    });

    test('asks for scopes, tells what is wrong, and a store in Stage 0 is not opened without khala', async () => {
      const where = await place();
      const it = await start({}, where);
      const code = async (answer: Promise<{ status: number; body: { code: string; next: string } }>) => {
        const { status, body } = await answer;
        expect(body.next.length).toBeGreaterThan(0);
        return [status, body.code];
      };
      expect(await code(it.get('status', 'desktop'))).toEqual([403, 'forbidden']);
      expect(await code(it.get('policy', 'nobody'))).toEqual([403, 'forbidden']);
      expect(await code(it.act('reader', 'rollback', { target: { kind: 'stage', stage: 0, percent: null } }))).toEqual([
        403,
        'forbidden',
      ]);
      expect(await code(it.act('anna', 'receipts', {}))).toEqual([403, 'forbidden']);
      expect(await code(it.act('anna', 'requests', { to: 7 }))).toEqual([400, 'invalid_command']);
      expect(await code(it.act('anna', 'requests', { to: 1, surprise: 1 }))).toEqual([400, 'invalid_request']);
      expect(await code(it.request('POST', '/v1/cutover/requests', { as: 'anna', body: { to: 1 } }))).toEqual([
        400,
        'invalid_request',
      ]);
      expect(await code(it.act('anna', 'requests', { to: 2 }))).toEqual([409, 'stage_skipped']);
      expect(await code(it.act('anna', 'requests', { to: 1 }))).toEqual([409, 'empty_target']);
      expect(await code(it.act('anna', 'requests', { to: 1, revision: 99 }))).toEqual([409, 'state_conflict']);
      expect(await code(it.beat('u1', { lane: 'nostr' }))).toEqual([400, 'invalid_request']);
      expect(await code(it.beat('u1', { policy_revision: Number.NaN, stage: 9 }))).toEqual([400, 'invalid_request']);
      await it.control.close();
      const withoutKhala = startCutover({ ...where, khala: null });
      await expect(withoutKhala).rejects.toMatchObject({ code: 'nothing_to_leave' });
    });

    test('K1 a flip needs evidence, two approvals by others, and acknowledgements; then it is done', async () => {
      const it = await start();
      await it.fill();
      await waitUntil(async () => it.database.keys('runtime.run.1').length === 3);
      const early = await it.act('anna', 'requests', { to: 1 });
      expect([early.status, early.body.code]).toEqual([409, 'evidence_missing']);
      const planned = await it.request('POST', '/v1/cutover/plan', { as: 'anna', body: { to: 1 } });
      expect(planned.body).toMatchObject({ clock_rate: 1, plan: { ready: false, next_steps: [expect.any(String)] } });
      expect((await it.status()).next_steps).toEqual(planned.body.plan.next_steps);
      await ready(it);
      const { id } = (await it.act('anna', 'requests', { to: 1 })).body;
      const digest = async () => (await it.status()).state.flip.plan_digest;
      const own = await it.act('anna', `requests/${id}/approvals`, { plan_digest: await digest() });
      expect([own.status, own.body.code]).toEqual([403, 'own_approval']);
      await it.act('bert', `requests/${id}/approvals`, { plan_digest: await digest() });
      const twice = await it.act('bert', `requests/${id}/approvals`, { plan_digest: await digest() });
      expect(twice.body.code).toBe('already_approved');
      expect((await it.act('anna', `requests/${id}/advance`)).body.code).toBe('approvals_missing');
      await it.act('cleo', `requests/${id}/approvals`, { plan_digest: await digest() });
      const flipped = await it.act('anna', `requests/${id}/advance`);
      expect(flipped.body).toMatchObject({ id, replayed: false, state: { status: 'flipping', stage: 1 } });
      expect((await it.beat('u1', { policy_revision: 1, stage: 0 })).body.next_ms).toBe(1_000);
      await it.beat('u1');
      await waitUntil(async () => (await it.status()).state.flip?.publication?.acknowledged === 1);
      expect((await it.status()).state.status).toBe('flipping');
      // A revision that control has never made: after a restored backup such a unit refuses every policy of control.
      await it.beat('u2', { policy_revision: 1_000_000 });
      await it.beat('u3', { policy_revision: 1 });
      await waitUntil(async () => (await it.status()).state.flip?.publication?.expected === 3);
      expect((await it.status()).state.flip.publication.acknowledged).toBe(1);
      for (const unit of ['u2', 'u3']) await it.beat(unit);
      await waitUntil(async () => (await it.get('state')).body.state.status === 'idle');
      expect((await it.status()).state).toMatchObject({ stage: 1, last_flip: { outcome: 'done' } });
    });

    test('K2 a flip that units do not acknowledge in time is undone, and says so everywhere', async () => {
      const config = { ...quickConfig, flip: { ack_timeout_ms: 50, ack_ratio: 1 } };
      const it = await start({ cutover: { config } });
      await ready(it);
      const id = await it.approved(1);
      await it.act('anna', `requests/${id}/advance`);
      await waitUntil(async () => (await it.get('state')).body.state.status === 'idle');
      const { state } = await it.status();
      expect(state).toMatchObject({
        stage: 0,
        last_flip: { outcome: 'undone', reason: expect.stringContaining('0 of 2') },
      });
      const { text } = await it.request('GET', '/metrics');
      expect(text).toContain('cutover_rollbacks_total{by="timeout"} 1');
      expect(text).toContain('cutover_stage_info{stage="0"} 1');
      const { records } = (await it.get('audit?limit=100')).body;
      expect(records.at(-1)).toMatchObject({ event: 'flip_undone', reason: expect.stringContaining('0 of 2') });
    });

    test('K3 of two managers at once exactly one wins, and the same command again is answered as before', async () => {
      const it = await start();
      await flipTo1(it);
      const { revision } = (await it.status()).state;
      const body = (key: string) => ({ revision, idempotency_key: key, reason: 'race', percent: 50 });
      const answers = await Promise.all(
        ['anna', 'bert', 'cleo', 'anna', 'bert', 'cleo'].map((as, n) =>
          it.request('POST', '/v1/cutover/cohort', { as, body: body(`race-${n}`) }),
        ),
      );
      expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
      expect(answers.filter((answer) => answer.status === 409).map((answer) => answer.body.code)).toEqual(
        Array.from({ length: 5 }, () => 'state_conflict'),
      );
      const winner = answers.findIndex((answer) => answer.status === 200);
      const as = ['anna', 'bert', 'cleo'][winner % 3] ?? '';
      const again = await it.request('POST', '/v1/cutover/cohort', { as, body: body(`race-${winner}`) });
      expect(again.body).toMatchObject({ replayed: true, revision: answers[winner]?.body.revision });
      const other = await it.request('POST', '/v1/cutover/cohort', {
        as,
        body: { ...body(`race-${winner}`), percent: 100 },
      });
      expect(other.body.code).toBe('idempotency_conflict');
      expect((await it.status()).state.cohort.percent).toBe(50);
    });

    test('K3 what control notes down by itself does not refuse a command', async () => {
      const it = await start();
      await ready(it);
      const id = await it.approved(1);
      const { body } = await it.act('anna', `requests/${id}/advance`);
      // The counts of acknowledgements change the revision, and nothing that anybody is told of.
      await it.beat('u1');
      await waitUntil(async () => (await it.get('state')).body.state.revision > body.revision);
      const header = { revision: body.revision, idempotency_key: 'late', reason: 'seen before' };
      const target = { kind: 'stage', stage: 0, percent: null };
      const back = await it.request('POST', '/v1/cutover/rollback', { as: 'bert', body: { ...header, target } });
      expect(back.body).toMatchObject({ state: { stage: 0, status: 'idle' } });
      const again = { ...header, idempotency_key: 'later', target };
      const late = await it.request('POST', '/v1/cutover/rollback', { as: 'cleo', body: again });
      expect(late.body.code).toBe('state_conflict');
    });

    test('K3 a hold that control places refuses no command by its revision', async () => {
      const it = await start({ khala: null });
      const until = (await it.status()).now + 3_600_000;
      const { body } = await it.act('anna', 'fallback', { incident: 'INC-1', expires_at: until, units: 'all' });
      await it.beat('u1', { lane: 'khala', rule: 'S2.2', fallback_used: true });
      await waitUntil(async () => (await it.get('state')).body.state.holds.length > 0);
      const header = { revision: body.revision, idempotency_key: 'seen before', reason: 'fast again' };
      const end = await it.request('DELETE', '/v1/cutover/fallback', { as: 'bert', body: header });
      expect(end.body).toMatchObject({ state: { fallback: null, holds: [{ trigger: 'fallback-used' }] } });
      const again = { ...header, idempotency_key: 'seen too long ago' };
      const late = await it.request('DELETE', '/v1/cutover/fallback', { as: 'cleo', body: again });
      expect(late.body.code).toBe('state_conflict');
    });

    test('K3 a key is remembered longer than the machine remembers it', async () => {
      const it = await start();
      await flipTo1(it);
      const { revision } = (await it.status()).state;
      const first = { revision, idempotency_key: 'old', reason: 'first', percent: 50 };
      const done = await it.request('POST', '/v1/cutover/cohort', { as: 'anna', body: first });
      expect(done.status).toBe(200);
      for (let n = 0; n < 66; n += 1) expect((await it.act('anna', 'cohort', { cap: n })).status).toBe(200);
      const again = await it.request('POST', '/v1/cutover/cohort', { as: 'anna', body: first });
      expect(again.body).toMatchObject({ replayed: true, revision: done.body.revision, events: done.body.events });
    });

    test('K4 the audit log is a chain that cannot be changed, and is exported and verified', async () => {
      const where = await place();
      const it = await start({}, where);
      await flipTo1(it);
      const verified = (await it.get('audit/verify')).body;
      const { text } = await it.get('audit/export');
      const records = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(verified).toMatchObject({ ok: true, records: records.length });
      expect(verifyAudit(records, verified.head)).toMatchObject({ ok: true });
      expect(records.map((record) => record.event)).toEqual([
        'flip_requested',
        'flip_approved',
        'flip_approved',
        'flip_ready',
        'flip_started',
        'flip_done',
      ]);
      expect(records[0]).toMatchObject({ actor: 'anna', from: { stage: 0 }, reason: 'test' });
      const page = (await it.get('audit?after=2&limit=2')).body;
      expect(page.records.map((record: { seq: number }) => record.seq)).toEqual([3, 4]);
      await it.control.close();
      const store = await openStore({ dataDir: where.dataDir, url: where.store });
      await expect(sql`update cutover_audit set event = 'x'`.execute(store.db)).rejects.toThrow('append-only');
      await expect(sql`delete from cutover_audit`.execute(store.db)).rejects.toThrow('append-only');
      await store.close();
    });

    test('K4 a log that was changed all the same is found out', async () => {
      const where = await place();
      const it = await start({}, where);
      await flipTo1(it);
      await it.control.close();
      const store = await openStore({ dataDir: where.dataDir, url: where.store });
      if (store.dialect === 'sqlite') await sql`drop trigger cutover_audit_no_update`.execute(store.db);
      else await sql`alter table cutover_audit disable trigger all`.execute(store.db);
      await sql`update cutover_audit set record = replace(record, 'bert', 'anna') where seq = 2`.execute(store.db);
      await store.close();
      const again = await start({}, where);
      expect((await again.get('audit/verify')).body).toMatchObject({ ok: false, index: 1, problem: 'changed' });
    });

    test('K5 admits first come, first served under a cap, and keeps places through a restart and a rollback', async () => {
      const where = await place();
      const it = await start({}, where);
      await flipTo1(it);
      expect((await it.act('anna', 'cohort', { percent: 50, cap: 3 })).status).toBe(200);
      const jwks = (await it.request('GET', '/.well-known/jwks.json')).body;
      const ask = async (unit: string, on = it) => (await on.get(`policy?unit=${unit}`, 'desktop')).body;
      const names = Array.from({ length: 20 }, (_, index) => `unit-${index}`);
      const answers = await Promise.all(names.map((unit) => ask(unit)));
      const admitted = names.filter((_, index) => answers[index]?.admission !== null);
      expect(admitted.length).toBe(3);
      const index = names.indexOf(admitted[0] ?? '');
      const { salt } = (await it.status()).state.cohort;
      const document = await verifyAdmission(answers[index].admission, jwks, {
        deployment: issuer,
        unit: admitted[0] ?? '',
        salt,
      });
      expect(document.admitted).toBe(true);
      await it.act('anna', 'rollback', { target: { kind: 'cohort', percent: 0 } });
      await it.act('anna', 'cohort', { percent: 50 });
      await it.control.close();
      const again = await start({}, where);
      const after = await Promise.all(names.map((unit) => ask(unit, again)));
      expect(names.filter((_, place) => after[place]?.admission !== null)).toEqual(admitted);
    });

    test('K6 shows units that drift, are unknown or fall silent', async () => {
      const where = await place();
      const it = await start({}, where);
      await it.beat('good');
      await it.beat('behind', { policy_revision: 0 });
      await it.beat('ahead', { policy_revision: 99 });
      await it.beat('lost', { policy_revision: null, stage: null, rule: 'D.1' });
      await it.beat('elsewhere', { lane: 'spacetime', rule: 'S1.1' });
      await it.beat('confused', { stage: 3 });
      const { drift, units } = await it.status();
      const kinds = Object.fromEntries(drift.map((each: { unit: string; kinds: string[] }) => [each.unit, each.kinds]));
      expect(kinds).toEqual({
        behind: ['revision-behind'],
        ahead: ['revision-unknown'],
        lost: ['no-policy'],
        elsewhere: ['lane'],
        confused: ['stage'],
      });
      expect(units).toMatchObject({ total: 6, drifting: 5, lanes: { khala: 5, spacetime: 1 } });
      const stolen = await it.beat('good', {}, 'narrow');
      expect([stolen.status, stolen.body.code]).toEqual([403, 'forbidden']);
      expect((await it.get('policy?unit=good', 'narrow')).status).toBe(403);
      await it.control.close();
      const later = await start({ cutover: { heartbeat: 1 } }, where);
      await waitUntil(async () => (await later.status()).units.silent === 6);
      expect((await later.status()).units).toMatchObject({ live: 0, lanes: { khala: 0, spacetime: 0 } });
    });

    test('K7 compares the chains of units with its own, and unequal ones are drift', async () => {
      const it = await start();
      await it.fill([]);
      await delivered(it);
      const { body } = await it.request('GET', '/v1/projections/status', { as: 'operator' });
      const [{ stream_id, epoch, chain }] = body.streams;
      const at = (seq: string, of: string) => ({ streams: [{ stream_id, epoch, seq, chain: of }] });
      await it.beat('good', at('3', chain));
      await it.beat('bad', at('3', 'f'.repeat(64)));
      await it.beat('unknown', at('77', chain));
      // It says that it has seen everything, and has not moved.
      await it.beat('stuck', at('1', 'f'.repeat(64)));
      const seen = (await it.get('units')).body.units as { unit: string; heartbeat: { lag_seen: number | null } }[];
      expect(Object.fromEntries(seen.map((each) => [each.unit, each.heartbeat.lag_seen]))).toMatchObject({
        good: 0,
        unknown: 0,
        stuck: 2,
      });
      const { units } = (await it.get('units')).body;
      const counts = Object.fromEntries(
        units.map((unit: { unit: string; chains_equal: number; chains_different: number; drift: string[] }) => [
          unit.unit,
          [unit.chains_equal, unit.chains_different, unit.drift],
        ]),
      );
      expect(counts).toMatchObject({ good: [1, 0, []], bad: [0, 1, ['chain']], unknown: [0, 0, []] });
    });

    test('K8 receipts count only from keys that may speak for the gate', async () => {
      const it = await start();
      const { now } = await it.status();
      expect((await it.submit(observation('rulebook', now))).body).toMatchObject({ verdict: 'pass', duplicate: false });
      expect((await it.submit(observation('rulebook', now))).body).toMatchObject({ duplicate: true });
      expect((await it.submit(observation('parity-null', now))).body.code).toBe('receipt_gate_not_allowed');
      const { gates, keys } = (await it.get('gates')).body;
      expect(gates).toMatchObject([{ gate: 'rulebook', verdict: 'pass', signed_by: ['ci'] }]);
      expect(keys).toHaveLength(2);
      const forged = await it.request('POST', '/v1/cutover/receipts', { as: 'ci', body: { envelope: { payload: 1 } } });
      expect([forged.status, forged.body.code]).toEqual([400, 'receipt_malformed']);
    });

    test('K21 an old receipt goes, unless it is the last of its gate or something decided rests on it', async () => {
      const where = await place();
      const it = await start({}, where);
      await flipTo1(it);
      const [{ digest: used }] = (await it.get('gates')).body.gates;
      const submit = async (gate: 'rulebook' | 'router-handover', age: number, overrides = {}) =>
        (await it.submit(observation(gate, (await it.status()).now - age, overrides))).body.digest;
      // Another set of packages has a last receipt of its own.
      const environment = { ...observation('rulebook', 0).environment, packages: { '@autopilot/session': '0.1.0' } };
      const other = await submit('rulebook', 5_000, { environment });
      const older = await submit('rulebook', 9_000, { environment });
      const handover = [await submit('router-handover', 3_000), await submit('router-handover', 2_000)];
      const last = await submit('rulebook', 0);
      const { now } = await it.status();
      await it.control.close();
      const store = await openStore({ dataDir: where.dataDir, url: where.store });
      const receipts = createReceiptStore(store, [trustedKey]);
      // As after many more commands: only the audit log still names what the flip rested on.
      const [{ state } = { state: '' }] = await store.db.selectFrom('cutover_state').select('state').execute();
      await store.db
        .updateTable('cutover_state')
        .set({ state: state.replaceAll(used, '') })
        .execute();
      const kept = async () =>
        (await store.db.selectFrom('cutover_receipt').select('digest').execute()).map(({ digest }) => digest).sort();
      const all = [used, other, older, ...handover, last].sort();
      expect(await kept()).toEqual(all);
      await receipts.sweep({ receivedBefore: now - 3_600_000, observedBefore: now + 1 });
      await receipts.sweep({ receivedBefore: now + 3_600_000, observedBefore: 0 });
      expect(await kept()).toEqual(all);
      const before = await receipts.current();
      await receipts.sweep({ receivedBefore: now + 3_600_000, observedBefore: now + 1 });
      expect(await kept()).toEqual([used, other, handover[1], last].sort());
      expect(await receipts.current()).toEqual(before);
      await store.close();
    });

    test('K9 control signs what it saw of the comparisons: nothing and too little are inconclusive, a difference fails', async () => {
      const it = await start();
      await it.beat('u1');
      const evaluate = async (gate: string) => {
        const answer = await it.request('POST', `/v1/cutover/gates/${gate}/evaluate`, { as: 'ci', body: {} });
        expect(answer.status).toBe(201);
        return answer.body;
      };
      const compare = async (pair: string, from: number, counts: object) => {
        const body = { unit: 'u1', window: { pair, from, to: from + 1_000, counts } };
        return (await it.request('POST', '/v1/cutover/parity', { as: 'desktop', body })).body.stored;
      };
      expect(await evaluate('parity')).toMatchObject({
        verdict: 'inconclusive',
        observation: { counts: { cases: 0 } },
      });
      const { now } = await it.status();
      expect(await compare('khala/spacetime', now, { match: 100 })).toBe(true);
      expect(await compare('khala/spacetime', now, { match: 100 })).toBe(false);
      // Without a run of a lane against itself nobody knows what a difference is worth.
      expect(await evaluate('parity')).toMatchObject({ verdict: 'inconclusive' });
      expect(await evaluate('parity-null')).toMatchObject({ verdict: 'inconclusive' });
      await compare('khala/khala', now, { match: 200 });
      expect(await evaluate('parity-null')).toMatchObject({
        verdict: 'pass',
        observation: { measures: { noise_rate: 0 } },
      });
      const passed = await evaluate('parity');
      expect(passed).toMatchObject({
        verdict: 'pass',
        observation: { counts: { events: 100, failed: 0 }, measures: { match_ratio: 1, clock_rate: 1 } },
      });
      await compare('khala/spacetime', now + 1_000, { match: 99, missing_right: 1 });
      expect(await evaluate('parity')).toMatchObject({ verdict: 'fail', observation: { counts: { failed: 1 } } });
      const report = (await it.get('parity')).body;
      expect(report).toMatchObject({ windows: 2, units: 1, counts: { match: 199, missing_right: 1 } });
      expect((await it.request('POST', '/v1/cutover/gates/rulebook/evaluate', { as: 'ci', body: {} })).status).toBe(
        404,
      );
      const gates = (await it.get('gates')).body.gates;
      expect(gates.find((gate: { gate: string }) => gate.gate === 'parity')).toMatchObject({ verdict: 'fail' });
    });

    test('K9 a comparison counts for what is in use, and within the time that control knew its unit', async () => {
      let module_schema = 'sha256:first';
      const it = await start({ moduleSchema: () => module_schema });
      const cases = async (gate: string) =>
        (await it.request('POST', `/v1/cutover/gates/${gate}/evaluate`, { as: 'ci', body: {} })).body.observation.counts
          .cases;
      let shift = 0;
      const compare = async (unit: string) => {
        shift += 1;
        for (const pair of ['khala/khala', 'khala/spacetime']) {
          // A clock that is a day ahead, and a beginning that nobody saw.
          const window = { pair, from: shift, to: Date.now() + 86_400_000 + shift, counts: { match: 100 } };
          await it.request('POST', '/v1/cutover/parity', { as: 'desktop', body: { unit, window } });
        }
      };
      await compare('stranger');
      await it.beat('u1');
      const began = (await it.status()).now;
      expect([await cases('parity'), await cases('parity-null')]).toEqual([0, 0]);
      await compare('u1');
      expect([await cases('parity'), await cases('parity-null')]).toEqual([1, 1]);
      const report = (await it.get('parity')).body;
      expect(report.from).toBeGreaterThan(began - 10_000);
      expect(report.to).toBeLessThanOrEqual((await it.status()).now);
      // Another version, then another module: what was compared before says nothing of it.
      const upgraded = { packages: { '@autopilot/desktop': '0.2.0', '@autopilot/session': '0.1.0' } };
      await it.beat('u1', upgraded);
      expect([await cases('parity'), await cases('parity-null')]).toEqual([0, 0]);
      await compare('u1');
      expect(await cases('parity')).toBe(1);
      module_schema = 'sha256:second';
      const answer = () => it.request('POST', '/v1/cutover/gates/parity/evaluate', { as: 'ci', body: {} });
      await waitUntil(async () => (await answer()).body.observation.environment.module_schema === 'sha256:second');
      expect(await cases('parity')).toBe(0);
      // What a unit saw from then on counts again.
      const { now } = await it.status();
      const window = { pair: 'khala/spacetime', from: now, to: now + 1, counts: { match: 100 } };
      await it.request('POST', '/v1/cutover/parity', { as: 'desktop', body: { unit: 'u1', window } });
      expect(await cases('parity')).toBe(1);
    });

    test('K15 a fallback that units are still in is in use, in whatever cycle they began', async () => {
      const it = await start({ khala: null });
      const inUse = async () => {
        const { plan } = (await it.request('POST', '/v1/cutover/plan', { as: 'anna', body: { to: 3 } })).body;
        return plan.requirements.find((each: { id: string }) => each.id === 'no-fallback').status;
      };
      const fallen = { lane: 'khala', rule: 'S2.2', fallback_used: true };
      const risen = { lane: 'spacetime', rule: 'S2.1' };
      const fall = async () => {
        const { now } = await it.status();
        const body = { incident: 'INC-1', expires_at: now + 60_000, units: 'all' };
        expect((await it.act('anna', 'fallback', body)).status).toBe(200);
      };
      const rise = async () => {
        const { status, body } = await it.act('anna', 'fallback', {}, 'DELETE');
        expect([status, body.code]).toEqual([200, undefined]);
      };
      expect(await inUse()).toBe('missing');
      await it.beat('u1', risen);
      expect(await inUse()).toBe('met');
      await fall();
      await it.beat('u1', fallen);
      await rise();
      // Its last word was that it is in it.
      await it.beat('u2', risen);
      expect(await inUse()).toBe('failed');
      await it.beat('u1', risen);
      expect(await inUse()).toBe('met');
      await fall();
      await it.beat('u1', fallen);
      await rise();
      // It did not hear of the end: a use of this cycle, also when it is over.
      await it.beat('u1', fallen);
      await it.beat('u1', risen);
      expect(await inUse()).toBe('failed');
    });

    test('K10 a drill passes when units went back and returned with equal chains, and not before', async () => {
      const it = await start();
      await flipTo1(it);
      await it.act('anna', 'cohort', { percent: 50 });
      const { body } = await it.request('GET', '/v1/projections/status', { as: 'operator' });
      const [{ stream_id, epoch, chain }] = body.streams;
      const streams = [{ stream_id, epoch, seq: '3', chain }];
      const evaluate = async () =>
        (await it.request('POST', '/v1/cutover/gates/rollback-drill/evaluate', { as: 'ci', body: {} })).body;
      await it.beat('u1', { lane: 'spacetime', rule: 'S1.1', applied: 3 });
      expect(await evaluate()).toMatchObject({ verdict: 'inconclusive' });
      await it.act('anna', 'rollback', { target: { kind: 'cohort', percent: 0 } });
      await it.beat('u1', { lane: 'khala', rule: 'S1.2', applied: 4, streams });
      // The return may only begin when the unit was seen back on khala.
      await waitUntil(async () => (await it.status()).drill?.back?.arrived_at !== null);
      await it.act('anna', 'cohort', { percent: 50 });
      await it.beat('u1', { lane: 'spacetime', rule: 'S1.1', applied: 9 });
      expect(await evaluate()).toMatchObject({ verdict: 'inconclusive' });
      await it.beat('u1', { lane: 'spacetime', rule: 'S1.1', applied: 9, streams });
      await waitUntil(async () => (await it.status()).drill === null);
      expect(await evaluate()).toMatchObject({
        verdict: 'pass',
        observation: {
          counts: { cases: 1, events: 6 },
          measures: { lost: 0, repeated: 0, unequal_chains: 0, cohort_percent: 50 },
        },
      });
    });

    test('K11 a trigger rolls the cohort back by itself, once, and the reason is in status, audit, metric and policy', async () => {
      const it = await start();
      await flipTo1(it);
      await it.act('anna', 'cohort', { percent: 50 });
      const now = (await it.status()).now;
      const body = (pair: string, from: number, counts: object) => ({
        unit: 'u1',
        window: { pair, from, to: from + 1, counts },
      });
      const post = (pair: string, from: number, counts: object) =>
        it.request('POST', '/v1/cutover/parity', { as: 'desktop', body: body(pair, from, counts) });
      await post('khala/khala', now, { match: 1_000 });
      await post('khala/spacetime', now + 10, { match: 900, mismatch: 100 });
      await waitUntil(async () => (await it.status()).state.cohort.percent === 0);
      const { state, rollback_reason } = await it.status();
      expect(state.holds).toMatchObject([{ trigger: 'parity-mismatch', needs_release: true }]);
      expect(rollback_reason).toMatchObject({
        event: 'rolled_back_by_trigger',
        reason: expect.stringContaining('3 sigma'),
      });
      const { text } = await it.request('GET', '/metrics');
      expect(text).toContain('cutover_rollbacks_total{by="trigger"} 1');
      expect(text).toContain('cutover_holds 1');
      const { body: answer } = await it.get('policy', 'desktop');
      const jwks = (await it.request('GET', '/.well-known/jwks.json')).body;
      const policy = parsePolicy(await verifyPolicy(answer.policy, jwks, { deployment: issuer, minRevision: 1 }));
      expect(policy).toMatchObject({ cohort: { percent: 0 }, drain: true });
      const held = await it.act('anna', 'cohort', { percent: 50 });
      expect(held.body.code).toBe('held');
      expect((await it.act('bert', 'holds/parity-mismatch/release')).status).toBe(200);
    });

    test('K12 a rehearsal runs the cutover clock faster, says so, and its store runs at no other rate', async () => {
      const where = await place();
      const it = await start({ cutover: { config: quickConfig, clockRate: 1_000 } }, where);
      const first = (await it.status()).now;
      await waitUntil(async () => (await it.status()).now > first + 20_000);
      expect(await it.status()).toMatchObject({ clock_rate: 1_000, rehearsed: true });
      await it.beat('u1');
      const answer = await it.request('POST', '/v1/cutover/gates/parity/evaluate', { as: 'ci', body: {} });
      expect(answer.body.observation.measures).toMatchObject({ clock_rate: 1_000 });
      expect((await it.request('POST', '/v1/cutover/plan', { as: 'anna', body: { to: 1 } })).body.clock_rate).toBe(
        1_000,
      );
      await it.control.close();
      await expect(startCutover(where)).rejects.toMatchObject({ code: 'clock_rate_changed' });
    });

    test('K13 what waits for khala when Stage 3 begins is not sent there, and goes on when it is left again', async () => {
      const config = { ...quickConfig, flip: { ...quickConfig.flip, ack_ratio: 0.01 } };
      const it = await start({ cutover: { config } });
      await flipTo1(it);
      await waitUntil(() => it.khala.keys('run:1').length === 3);
      const to = async (stage: 2 | 3) => {
        await it.submit(observation('rulebook', (await it.status()).now));
        const id = await it.approved(stage);
        await it.act('anna', `requests/${id}/advance`);
        await it.beat('u1', { lane: 'spacetime', rule: `S${stage}.1`, shadow: null });
        await waitUntil(async () => (await it.get('state')).body.state.status === 'idle');
      };
      await to(2);
      it.khala.up = false;
      const events = [0, 1].map((n) => ({
        topic: 'run:1',
        kind: 'item',
        payload: { n },
        idempotency_key: `late-${n}`,
      }));
      await it.request('POST', '/v1/projections', { as: 'feed', body: { events } });
      await waitUntil(async () => (await it.status()).mirror.waiting === 2);
      await to(3);
      let calls = 0;
      it.khala.fault = () => {
        calls += 1;
        return undefined;
      };
      it.khala.up = true;
      // Longer than it ever rests between two tries here.
      const { now } = await it.status();
      await waitUntil(async () => (await it.status()).now > now + 300);
      expect([calls, (await it.status()).mirror]).toEqual([0, expect.objectContaining({ state: 'off', waiting: 2 })]);
      await it.act('anna', 'rollback', { target: { kind: 'stage', stage: 2, percent: null } });
      await waitUntil(() => it.khala.keys('run:1').length === 5);
      expect(it.khala.keys('run:1').slice(3)).toEqual(['late-0', 'late-1']);
    });

    test('K13 from Stage 3 on nothing is mirrored, and the seal empties what waits', async () => {
      const config = { ...quickConfig, flip: { ...quickConfig.flip, ack_ratio: 0.01 } };
      const it = await start({ cutover: { config } });
      await flipTo1(it);
      for (const to of [2, 3] as const) {
        await it.submit(observation('rulebook', (await it.status()).now));
        const id = await it.approved(to);
        await it.act('anna', `requests/${id}/advance`);
        for (const unit of ['u1', 'u2']) await it.beat(unit, { lane: 'spacetime', rule: `S${to}.1`, shadow: null });
        await waitUntil(async () => (await it.get('state')).body.state.status === 'idle');
      }
      expect(await it.status()).toMatchObject({ state: { stage: 3 }, mirror: { state: 'off' } });
      const before = it.khala.keys('run:1').length;
      it.khala.up = false;
      const events = [{ topic: 'run:1', kind: 'item', payload: {}, idempotency_key: 'late' }];
      await it.request('POST', '/v1/projections', { as: 'feed', body: { events } });
      await waitUntil(() => it.database.keys('runtime.run.1').includes('late'));
      const id = await it.approved('sealed');
      expect((await it.act('anna', `requests/${id}/advance`)).body.state).toMatchObject({ sealed: true });
      await waitUntil(async () => (await it.status()).mirror.broken_streams === 0);
      expect(it.khala.keys('run:1').length).toBe(before);
      const back = await it.act('anna', 'rollback', { target: { kind: 'stage', stage: 2, percent: null } });
      expect([back.status, back.body.code]).toEqual([409, 'sealed']);
    });
  });
}
