import { generateKeyPairSync, hash } from 'node:crypto';
import {
  type CutoverConfig,
  createReceipt,
  defaultCutoverConfig,
  type GateId,
  type GateObservation,
  gateIds,
  type SigningKey,
  type TrustedKey,
} from '@autopilot/cutover-flags';
import type { ControlOptions } from '../../src/options.ts';
import { parseClients } from '../../src/config/clients-file.ts';
import { type Answer, clients, type Harness, startHarness } from './harness.ts';
import { ScriptedKhala } from './scripted-khala.ts';

const operator = ['cutover.read', 'cutover.operate'];

/** Clients of the cutover tests; the secret of each is its client id. */
export const cutoverClients = [
  ...clients,
  ...parseClients({
    clients: [
      person('anna', operator),
      person('bert', operator),
      person('cleo', operator),
      person('reader', ['cutover.read']),
      person('ci', ['cutover.submit']),
    ],
  }),
];

function person(id: string, scopes: string[]) {
  return { client_id: id, secret_sha256: hash('sha256', id, 'hex'), subject: id, scopes, streams: [], role: 'reader' };
}

const pair = generateKeyPairSync('ed25519');
const jwk = pair.privateKey.export({ format: 'jwk' });

/** The key that signs the receipts of the tests. */
export const gateKey: SigningKey = { keyid: 'ci', jwk };
export const trustedKey: TrustedKey = {
  keyid: 'ci',
  jwk: pair.publicKey.export({ format: 'jwk' }),
  gates: gateIds.filter((gate) => gate !== 'parity-null'),
};

const packages = { '@autopilot/desktop': '0.1.0', '@autopilot/session': '0.1.0' };

/** A configuration without waiting: one approval, one gate for each step, no cooldown and no soak. */
export const quickConfig: CutoverConfig = {
  ...defaultCutoverConfig,
  approvals: 2,
  steps: {
    enter_1: { gates: [{ gate: 'rulebook', measures: [] }], conditions: ['target', 'binding', 'reverse-path'] },
    cohort: { gates: [], conditions: ['target'] },
    enter_2: { gates: [{ gate: 'rulebook', measures: [] }], conditions: ['target', 'reverse-path'] },
    enter_3: { gates: [{ gate: 'rulebook', measures: [] }], conditions: ['target', 'no-fallback'] },
    seal: { gates: [{ gate: 'rulebook', measures: [] }], conditions: [] },
  },
  gates: {
    ...defaultCutoverConfig.gates,
    rulebook: { ...defaultCutoverConfig.gates.rulebook, packages: [], min_cases: 1 },
  },
  cohort: { steps: [50, 100], soak_ms: 0 },
  cooldown: { after_flip_ms: 0, after_rollback_ms: 0 },
};

/** What a gate of the tests saw. */
export function observation(gate: GateId, now: number, overrides: Partial<GateObservation> = {}): GateObservation {
  return {
    gate,
    verdict: 'pass',
    reason: 'All cases passed.',
    observed_from: now - 1_000,
    observed_to: now,
    counts: { cases: 10, failed: 0, skipped: 0, events: 100 },
    measures: {},
    environment: { packages, commit: null, module_schema: 'sha256:scripted', protocols: [] },
    ...overrides,
  };
}

/** A control with a cutover, and what people do with it. */
export interface CutoverHarness extends Harness {
  readonly khala: ScriptedKhala;
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
    mirror: { poll: 5, backoff: { base: 1, cap: 4 } },
    cutover: { config: quickConfig, gateKeys: [trustedKey], supervise: 10, observe: 10, ...cutover },
    ...lane,
    ...rest,
  });
  return around(it, khala);
}

/** The same things done with a control that runs elsewhere. */
export function around(it: Harness, khala: ScriptedKhala): CutoverHarness {
  const get = (path: string, as = 'anna') => it.request('GET', `/v1/cutover/${path}`, { as });
  const status = async () => (await get('status')).body;
  const act: CutoverHarness['act'] = async (as, path, body = {}, method = 'POST') => {
    keys += 1;
    const { revision } = (await get('state')).body.state;
    const header = { revision, idempotency_key: `key-${keys}`, reason: 'test' };
    return it.request(method, `/v1/cutover/${path}`, { as, body: { ...header, ...body } });
  };
  const submit = (observed: GateObservation) =>
    it.request('POST', '/v1/cutover/receipts', { as: 'ci', body: { envelope: createReceipt(observed, gateKey) } });
  const beat: CutoverHarness['beat'] = async (unit, fields = {}, as = 'desktop') => {
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
    return it.request('POST', '/v1/cutover/heartbeats', { as, body });
  };
  return {
    ...it,
    khala,
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
      await it.request('POST', '/v1/projections', { as: 'feed', body: { events } });
      for (const unit of units) await beat(unit);
    },
  };
}
