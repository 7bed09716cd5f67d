import type { GateId } from '@autopilot/cutover-flags';
import type { ComparisonResult } from '@autopilot/cutover-flags/parity';
import type { Ports } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { type CutoverHarness, observation, quickConfig, startCutover } from './cutover.ts';
import { waitUntil } from './wait-until.ts';

/** A configuration with enough to show, and nothing to wait for. */
export const shownConfig: typeof quickConfig = {
  ...quickConfig,
  steps: {
    ...quickConfig.steps,
    enter_2: {
      gates: (['parity', 'rulebook', 'router-handover', 'token-refresh'] as const).map((gate) => ({
        gate,
        measures: [],
      })),
      conditions: ['target', 'binding', 'reverse-path', 'soak', 'service', 'no-emergency'],
    },
  },
  gates: {
    ...quickConfig.gates,
    parity: {
      ...quickConfig.gates.parity,
      min_events: 50,
      min_duration_ms: 0,
      since_change: false,
      measures: [{ measure: 'match_ratio', at_least: 0.9999, at_most: 1 }],
    },
    'router-handover': { ...quickConfig.gates['router-handover'], packages: [], min_cases: 1 },
    'token-refresh': { ...quickConfig.gates['token-refresh'], packages: [], min_cases: 1 },
  },
};

/** A control with the built console. It looks less often than most: a page is no faster than a person. */
export function startConsole(page: string, overrides: Parameters<typeof startCutover>[0] = {}) {
  return startCutover({
    mirror: { poll: 100, backoff: { floorMs: 0, baseMs: 1, capMs: 4 } },
    ...overrides,
    cutover: { supervise: 100, observe: 250, ...overrides.cutover },
    console: { page, lagEvery: 100 },
  });
}

/** The last receipt of a gate, as CI sends it. */
export async function gate(it: CutoverHarness, id: GateId, fields: Parameters<typeof observation>[2] = {}) {
  const now = (await it.status()).now;
  const environment = { ...observation(id, now).environment, protocols: ['v3.bsatn.spacetimedb'] };
  const answer = await it.submit(observation(id, now, { environment, ...fields }));
  if (answer.status !== 201) throw new Error(`not stored: ${answer.text}`);
}

/** Waits until a step may be asked for; throws, with what it still needs, when it never may. */
export async function ready(it: CutoverHarness, to: 1 | 2 | 3): Promise<void> {
  let missing: unknown;
  for (let looks = 0; looks < 100; looks += 1) {
    const { plan } = (await it.request('POST', '/v1/cutover/plan', { as: 'anna', body: { to } })).body;
    if (plan.ready) return;
    missing = plan.next_steps;
  }
  throw new Error(`Stage ${to} never becomes ready: ${JSON.stringify(missing)}`);
}

/** Goes one stage on as three people do. */
export async function flip(it: CutoverHarness, to: 1 | 2 | 3, units: readonly string[] = ['u1', 'u2']): Promise<void> {
  await it.fill(units);
  await gate(it, 'rulebook');
  await ready(it, to);
  const id = await it.approved(to);
  await it.act('anna', `requests/${id}/advance`);
  await beats(it, units);
  await waitUntil(async () => (await it.get('state')).body.state.status === 'idle');
}

/** One heartbeat of each unit that follows the policy. */
export async function beats(it: CutoverHarness, units: readonly string[]): Promise<void> {
  const { stage, cohort } = (await it.get('state')).body.state;
  for (const [index, unit] of units.entries()) {
    const moved = stage >= 2 || (stage === 1 && cohort.percent === 100);
    await it.beat(unit, {
      lane: moved ? 'spacetime' : 'khala',
      rule: stage === 1 ? (moved ? 'S1.3' : 'S1.2') : `S${stage}.1`,
      shadow: stage >= 2 ? null : moved ? 'khala' : 'spacetime',
      applied: 1_200 + 37 * index,
      lag_events: { khala: stage === 3 ? null : index % 3, spacetime: (index * 7) % 5 },
      latency_ms: { p95: 40 + index, samples: 60, errors: 0 },
    });
  }
}

/** The ports of a control whose clock can be behind: what it is told meanwhile is of hours ago. */
export function agingPorts() {
  const { clock } = systemPorts;
  const ports: Ports & { behind: number } = {
    ...systemPorts,
    behind: 0,
    clock: { now: () => clock.now() - ports.behind, monotonic: () => clock.monotonic() },
  };
  return ports;
}

/** Windows of the last hours of one unit, with differences where `bad` says so. Before anything else is told. */
export async function compare(
  it: CutoverHarness,
  ports: ReturnType<typeof agingPorts>,
  windows: number,
  bad = false,
): Promise<void> {
  const unit = 'desktop-1';
  const length = 600_000;
  ports.behind = (windows + 1) * length;
  await it.beat(unit);
  for (let n = 0; n < windows; n += 1) {
    ports.behind = (windows - n) * length;
    const to = Math.floor(ports.clock.now());
    const counts = { match: 900 + ((n * 53) % 240), late: n % 7 === 0 ? 2 : 0, ignored: n % 9 === 0 ? 4 : 0 };
    const worse = bad && n > windows - 8;
    const window = {
      pair: 'khala/spacetime',
      from: to - length,
      to,
      counts: worse ? { ...counts, mismatch: 3 + n, missing_right: 2 } : counts,
      samples: worse ? [sample(to, n)] : [],
    };
    await it.request('POST', '/v1/cutover/parity', { as: 'desktop', body: { unit, window } });
  }
  ports.behind = 0;
}

function sample(at: number, n: number) {
  const event = { kind: 'item', idempotency_key: `f${n}`, payload_hash: `sha256:${'0'.repeat(64)}` };
  return {
    result: 'mismatch' satisfies ComparisonResult,
    stream_id: 'runtime.run.1',
    epoch: 'e1',
    seq: `${400 + n}`,
    at,
    side: null,
    fields: ['payload_hash'],
    left: event,
    right: event,
    diff: [
      { path: '/item/status', left: '"completed"', right: '"failed"' },
      { path: '/item/exit_code', left: '0' },
    ],
    diff_cut: false,
    rule: null,
  };
}
