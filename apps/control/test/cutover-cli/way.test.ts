import { describe, expect, test } from '@jest/globals';
import { cliOf } from '../support/cli.ts';
import { type CutoverHarness, observation, quickConfig, startCutover } from '../support/cutover.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A control in Stage 0 whose units have seen events, and the command line. */
async function filled(overrides: Parameters<typeof startCutover>[0] = {}) {
  const it = await startCutover(overrides);
  const run = cliOf(it.control.url);
  await it.fill();
  await waitUntil(async () => it.database.keys('runtime.run.1').length === 3);
  return { it, run };
}

async function evident({ it, run }: { it: CutoverHarness; run: ReturnType<typeof cliOf> }, to: string) {
  await it.submit(observation('rulebook', Date.now()));
  await waitUntil(async () => (await run('anna', 'plan', '--to', to)).code === 0);
}

describe('the way through the stages on the command line', () => {
  test('plan, request, two approvals by others, advance with acknowledgements, cohort, rollback', async () => {
    const { it, run } = await filled();
    const early = await run('anna', 'plan', '--to', '1');
    expect(early).toMatchObject({ code: 1, err: '' });
    expect(early.out).toContain('[missing] gate:rulebook');
    expect(early.out).toContain('request_ttl_ms  1 d');
    const refused = await run('anna', 'request', '--to', '1', '--reason', 'go');
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('cutover: evidence_missing:');
    expect(refused.err).toContain('Next: Run the gates');
    await evident({ it, run }, '1');

    const asked = await run('anna', 'request', '--to', '1', '--reason', 'go', '--json');
    expect(asked).toMatchObject({ code: 0, json: { command: 'request', exit: 0, result: { replayed: false } } });
    const { id, key } = asked.json.result;
    const again = await run('anna', 'request', '--to', '1', '--reason', 'go', '--json', '--key', key);
    expect(again.json.result).toMatchObject({ id, key, replayed: true });
    const other = await run('anna', 'request', '--to', 'sealed', '--reason', 'go', '--json', '--key', key);
    expect(other).toMatchObject({ code: 1, json: { exit: 1, error: { code: 'idempotency_conflict' } } });

    expect((await run('anna', 'approve', id)).code).toBe(4);
    expect((await run('anna', 'advance', id)).err).toContain('approvals_missing');
    const stale = await run('bert', 'approve', id, '--digest', `sha256:${'0'.repeat(64)}`);
    expect(stale.code).toBe(5);
    expect(stale.err).toContain('plan_changed');
    const first = await run('bert', 'approve', id);
    expect(first.code).toBe(0);
    expect(first.out).toContain('What was approved: Stage 1');
    expect(first.out).toContain('More approvals are needed');
    expect((await run('cleo', 'approve', id, '--reason', 'seen')).out).toContain(`cutover advance ${id}`);
    expect((await run('anna', 'status')).out).toContain('approved by  bert, cleo');

    const flipping = run('anna', 'advance', id, '--wait', '--json');
    await waitUntil(async () => (await it.get('state')).body.state.status === 'flipping');
    for (const unit of ['u1', 'u2']) await it.beat(unit, { rule: 'S1.2' });
    expect(await flipping).toMatchObject({ code: 0, json: { result: { state: { stage: 1, status: 'idle' } } } });

    const { revision } = (await run('anna', 'status', '--json')).json.result.state;
    expect((await run('anna', 'cohort', '--percent', '100', '--reason', 'all')).err).toContain('stage_skipped');
    const half = await run(
      'anna',
      'cohort',
      '--percent',
      '50%',
      '--cap',
      '9',
      '--include',
      'u7',
      '--until',
      '1h',
      '--reason',
      'half',
    );
    expect(half.out).toContain('The share is 50 %, at most 9 units.');
    const late = await run('anna', 'cohort', '--cap', '5', '--reason', 'x', '--revision', `${revision}`);
    expect(late.code).toBe(5);
    expect(late.err).toContain('state_conflict');
    const { cohort } = (await it.get('state')).body.state;
    expect(cohort).toMatchObject({ percent: 50, cap: 9, include: [{ unit: 'u7', reason: 'half' }], exclude: [] });

    expect((await run('anna', 'rollback', '--units', 'u1', '--until', '2h', '--reason', 'odd')).code).toBe(0);
    expect((await run('anna', 'rollback', '--cohort', '0', '--reason', 'drill')).out).toContain('0 % of the units');
    const seen = await run('anna', 'status');
    expect(seen.out).toContain('Stage 1 of 3: flag primary');
    expect(seen.out).toContain('S1.4');
    expect(seen.out).toContain('1 included, 1 excluded by hand');
    expect((await run('anna', 'rollback', '--stage', '0', '--reason', 'back')).code).toBe(0);
    expect((await it.get('state')).body.state.stage).toBe(0);
  }, 20_000);

  test('advance --wait says that a flip was undone', async () => {
    const config = { ...quickConfig, flip: { ack_timeout_ms: 50, ack_ratio: 1 } };
    const { it, run } = await filled({ cutover: { config } });
    await evident({ it, run }, '1');
    const id = await it.approved(1);
    const undone = await run('anna', 'advance', id, '--wait', '--json');
    expect(undone).toMatchObject({
      code: 1,
      json: { error: { code: 'flip_not_done', details: { outcome: 'undone' } } },
    });
  });

  test('a request is withdrawn', async () => {
    const { it, run } = await filled();
    await evident({ it, run }, '1');
    const { id } = (await run('anna', 'request', '--to', '1', '--reason', 'go', '--json')).json.result;
    expect((await run('anna', 'withdraw', id, '--reason', 'not today')).out).toContain(`Withdrew ${id}`);
    expect((await it.get('state')).body.state).toMatchObject({ status: 'idle', last_flip: { outcome: 'withdrawn' } });
    expect((await run('bert', 'approve', id)).err).toMatch(/unknown_id|not_now/);
  });

  test('force, fallback, waive and release are loud, end, and are cleared by somebody else', async () => {
    const config = { ...quickConfig, release: { cycles: 1, min_cycle_ms: 0 } };
    const { it, run } = await filled({ cutover: { config } });
    const emergency = ['--incident', 'INC-1', '--expires', '1h', '--reason', 'khala is down'];
    for (const to of ['1', '2']) expect((await run('anna', 'force', '--to', to, ...emergency)).code).toBe(0);
    const started = await run(
      'anna',
      'fallback',
      '--incident',
      'INC-2',
      '--reason',
      'slow',
      '--expires',
      '2h',
      '--json',
    );
    expect(started.code).toBe(0);
    const { fallback } = (await it.get('state')).body.state;
    expect(fallback).toMatchObject({ incident: 'INC-2', operator: 'anna', units: 'all' });
    expect(fallback.expires_at).toBeGreaterThan(Date.now() + 7_190_000);
    const loud = await run('anna', 'status');
    expect(loud.out).toContain('!! EMERGENCY FALLBACK: ALL UNITS on khala for INC-2');
    expect(loud.out).toContain('emergency INC-1');
    expect((await run('anna', 'status')).out).not.toContain('\u001b');
    expect((await run('anna', 'fallback', '--end', '--reason', 'fast again')).code).toBe(0);
    // It counts when the units have said that they use khala no more.
    let released = await run('anna', 'release', '--cycle', '1.4.0', '--reason', 'shipped');
    await waitUntil(async () => {
      for (const unit of ['u1', 'u2']) await it.beat(unit, { lane: 'spacetime', rule: 'S2.1', shadow: null });
      if (released.code !== 0) released = await run('anna', 'release', '--cycle', '1.4.0', '--reason', 'shipped');
      return released.code === 0;
    });
    expect(released.out).toContain('1 release in a row without a fallback.');
    const { waivers } = (await it.get('state')).body.state;
    expect(waivers.length).toBeGreaterThan(1);
    expect((await run('anna', 'force', '--clear', waivers[0].id, '--reason', 'ok')).code).toBe(4);
    expect((await run('bert', 'force', '--clear', waivers[0].id, '--reason', 'looked at it')).code).toBe(0);
    const waived = await run(
      'anna',
      'waive',
      '--gate',
      'token-refresh',
      '--owner',
      'dora',
      '--expires',
      '1d',
      '--reason',
      'r',
      '--json',
    );
    expect(waived.code).toBe(0);
    expect(
      (await run('anna', 'waive', '--gate', 'removal', '--owner', 'dora', '--expires', '1d', '--reason', 'r')).err,
    ).toContain('not_waivable');
    expect((await run('anna', 'waive', '--end', waived.json.result.id, '--reason', 'met')).code).toBe(0);
    expect((await run('anna', 'release', '--hold', 'parity-mismatch', '--reason', 'r')).err).toContain('unknown_id');
  });

  test('a trigger holds the cutover; the status says so, and the hold is released', async () => {
    const { it, run } = await filled();
    await evident({ it, run }, '1');
    const id = await it.approved(1);
    await run('anna', 'advance', id);
    for (const unit of ['u1', 'u2']) await it.beat(unit, { rule: 'S1.2' });
    await waitUntil(async () => (await it.get('state')).body.state.status === 'idle');
    await run('anna', 'cohort', '--percent', '50', '--reason', 'half');
    const compare = (pair: string, counts: object) => {
      const from = Date.now();
      const window = { pair, from, to: from + 1, counts };
      return it.request('POST', '/v1/cutover/parity', { as: 'desktop', body: { unit: 'u1', window } });
    };
    await compare('khala/khala', { match: 1_000 });
    await compare('khala/spacetime', { match: 900, mismatch: 100 });
    await waitUntil(async () => (await it.get('state')).body.state.holds.length > 0);
    const held = await run('reader', 'status');
    expect(held.out).toContain('!! HELD by parity-mismatch');
    expect(held.out).toContain('100 differences');
    const parity = await run('reader', 'parity', '--since', '1h');
    expect(parity.code).toBe(6);
    expect(parity.out).toMatch(/mismatch +100 +10\.0 % of 1,000/);
    expect((await run('reader', 'release', '--hold', 'parity-mismatch', '--reason', 'x')).code).toBe(4);
    expect((await run('anna', 'release', '--hold', 'parity-mismatch', '--reason', 'understood')).code).toBe(0);
    expect((await it.get('state')).body.state.holds).toEqual([]);
  });
});
