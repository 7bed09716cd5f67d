import { createReceipt, type GateObservation } from '@autopilot/cutover-flags';
import type { ControlOptions } from '../../src/options.ts';
import { cutoverClients, gateKey, packages, quickConfig, trustedKey } from './cutover-fixtures.ts';
import { type Answer, type Harness, startHarness } from './harness.ts';
import { ScriptedKhala } from './scripted-khala.ts';

export { observation, quickConfig, trustedKey } from './cutover-fixtures.ts';

/** A control with a cutover, and what people do with it. */
export interface CutoverActs {
  readonly request: Harness['request'];
  get(path: string, as?: string): Promise<Answer>;
  /** Sends a command with the present revision and a fresh key, unless it says otherwise. */
  act(as: string, path: string, body?: object, method?: 'POST' | 'DELETE'): Promise<Answer>;
  submit(observed: GateObservation): Promise<Answer>;
  /** One heartbeat of a unit that has seen everything, unless it says otherwise. */
  beat(unit: string, fields?: object, as?: string): Promise<Answer>;
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the test asserts.
  status(): Promise<any>;
  /** Proposes a flip and has it approved by the two others. Returns the id. */
  approved(to: 0 | 1 | 2 | 3 | 'sealed'): Promise<string>;
  /** Puts events on the way and has units report, so that there is a target to switch to. */
  fill(units?: readonly string[]): Promise<void>;
}

/** The same with all that the test holds of the control. */
export interface CutoverHarness extends Harness, CutoverActs {
  readonly request: Harness['request'];
  readonly khala: ScriptedKhala;
}

let keys = 0;

type Overrides = Omit<NonNullable<Parameters<typeof startHarness>[0]>, 'khala'> & {
  readonly khala?: ScriptedKhala | null;
};

/** Starts control with the clients and keys of the cutover tests, and with a scripted khala unless it is null. */
export async function startCutover(overrides: Overrides = {}): Promise<CutoverHarness> {
  const { khala: given, cutover, ...rest } = overrides;
  const khala = given ?? new ScriptedKhala();
  const lane: Partial<ControlOptions> =
    given === null ? {} : { khala: { url: 'http://khala.example' }, openKhala: async () => khala.target() };
  const it = await startHarness({
    clients: cutoverClients,
    mirror: { poll: 5, backoff: { floorMs: 0, baseMs: 1, capMs: 4 } },
    cutover: { config: quickConfig, gateKeys: [trustedKey], supervise: 25, observe: 50, ...cutover },
    ...lane,
    ...rest,
  });
  return { ...it, khala, ...around(it.request) };
}

/** What people do with a control, wherever it runs. */
export function around(request: Harness['request']): CutoverActs {
  const get = (path: string, as = 'anna') => request('GET', `/v1/cutover/${path}`, { as });
  const status = async () => (await get('status')).body;
  const act: CutoverActs['act'] = async (as, path, body = {}, method = 'POST') => {
    keys += 1;
    const { revision } = (await get('state')).body.state;
    const header = { revision, idempotency_key: `key-${keys}`, reason: 'test' };
    return request(method, `/v1/cutover/${path}`, { as, body: { ...header, ...body } });
  };
  const submit = (observed: GateObservation) =>
    request('POST', '/v1/cutover/receipts', { as: 'ci', body: { envelope: createReceipt(observed, gateKey) } });
  const beat: CutoverActs['beat'] = async (unit, fields = {}, as = 'desktop') => {
    const { state } = (await get('state')).body;
    const body = {
      unit,
      build: '20261101T000000Z',
      policy_revision: state.policy_revision,
      stage: state.stage,
      lane: 'khala',
      rule: 'S0.1',
      shadow: 'spacetime',
      session: 'live',
      lag_events: { khala: 0, spacetime: 0 },
      applied: 1,
      duplicates: 0,
      gaps: 0,
      conflicts: 0,
      fallback_used: false,
      packages,
      ...fields,
    };
    return request('POST', '/v1/cutover/heartbeats', { as, body });
  };
  return {
    request,
    get,
    act,
    submit,
    beat,
    status,
    async approved(to) {
      const proposed = await act('anna', 'requests', { to });
      if (proposed.status !== 200) throw new Error(`not proposed: ${proposed.text}`);
      const { id } = proposed.body;
      for (const by of ['bert', 'cleo']) {
        const { plan_digest } = (await get('state')).body.state.flip;
        const approved = await act(by, `requests/${id}/approvals`, { plan_digest });
        if (approved.status !== 200) throw new Error(`not approved: ${approved.text}`);
      }
      return id;
    },
    async fill(units = ['u1', 'u2']) {
      const events = [0, 1, 2].map((n) => ({ topic: 'run:1', kind: 'item', payload: { n }, idempotency_key: `f${n}` }));
      await request('POST', '/v1/projections', { as: 'feed', body: { events } });
      for (const unit of units) await beat(unit);
    },
  };
}
