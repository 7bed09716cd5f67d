import { generateKeyPairSync, hash } from 'node:crypto';
import {
  type CutoverConfig,
  defaultCutoverConfig,
  type GateId,
  type GateObservation,
  gateIds,
  type SigningKey,
  type TrustedKey,
} from '@autopilot/cutover-flags';
import { parseClients } from '../../src/config/clients-file.ts';
import { clients } from './clients.ts';

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

export const packages = { '@autopilot/desktop': '0.1.0', '@autopilot/session': '0.1.0' };

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
