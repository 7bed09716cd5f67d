import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type CutoverPolicy, policySchema, signAdmission, signPolicy } from '@autopilot/cutover-flags';
import type { HttpClient, HttpRequest } from '@autopilot/sync-contract';
import { tokenAnswer } from './scripted-desktop.ts';

/** A control that has only what a desktop asks of the cutover: policy, keys, heartbeats, tokens. */
export interface CutoverControl {
  readonly http: HttpClient;
  readonly heartbeats: Record<string, unknown>[];
  /** Windows that came by themselves: those of null runs. */
  readonly windows: Record<string, unknown>[];
  /** Paths that were asked, in order. */
  readonly asked: string[];
  /** What the questions for the policy asked for, in order. */
  readonly queries: URLSearchParams[];
  /** How long it says that it lets a question wait; null for a control that does not. */
  waits: number | null;
  policy: CutoverPolicy;
  /** Streams that the token names. */
  streams: readonly string[];
  admitted: boolean | null;
  /** Nobody answers. */
  down: boolean;
  /** The cutover endpoints do not exist. */
  old: boolean;
  /** Bends the signed policy on its way. */
  bend: (jws: string) => string;
  /** Changes the policy under the next revision. */
  set(change: Partial<CutoverPolicy>): void;
  /** Signs with a new key from now on; the old one is no longer published. */
  rotate(): void;
}

const deployment = 'http://control.test';

/** A policy of Stage 0 under revision 1. */
export function cutoverControl(first: Partial<CutoverPolicy> = {}): CutoverControl {
  let kid = 0;
  let key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  const rotate = () => {
    kid += 1;
    key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  };
  rotate();
  const answer = async (request: HttpRequest) => {
    const url = new URL(request.url);
    control.asked.push(url.pathname);
    if (control.down) throw new Error('nobody answers');
    if (url.pathname === '/v1/sync/token') {
      const streams = control.streams.map((stream_id) => ({ stream_id }));
      return { status: 200, body: tokenAnswer({ streams }) };
    }
    if (url.pathname === '/.well-known/jwks.json') {
      const jwk = { ...key.publicKey.export({ format: 'jwk' }), kid: `key-${kid}` };
      return { status: 200, body: JSON.stringify({ keys: [jwk] }) };
    }
    if (control.old || url.pathname === '/v1/bridge/summary') return { status: 404, body: '{"code":"not_found"}' };
    const { revision } = control.policy;
    if (url.pathname === '/v1/cutover/heartbeats') {
      control.heartbeats.push(JSON.parse(String(request.body)) as Record<string, unknown>);
      return { status: 200, body: JSON.stringify({ policy_revision: revision, next_ms: 5000 }) };
    }
    if (url.pathname === '/v1/cutover/parity') {
      control.windows.push(JSON.parse(String(request.body)) as Record<string, unknown>);
      return { status: 202, body: '{"stored":true}' };
    }
    control.queries.push(url.searchParams);
    const signing = { kid: `key-${kid}`, key: key.privateKey };
    const policy = control.bend(await signPolicy(control.policy, signing));
    const unit = url.searchParams.get('unit') ?? '';
    const { salt } = control.policy.cohort;
    const admission =
      control.admitted === null
        ? null
        : await signAdmission({ deployment, unit, salt, admitted: control.admitted, issued_at: 1 }, signing);
    const waits = control.waits === null ? {} : { wait_ms: control.waits };
    const body = { policy, admission, policy_revision: revision, deployment, next_ms: 15_000, ...waits };
    return { status: 200, body: JSON.stringify(body) };
  };
  const control: CutoverControl = {
    ...{ queries: [], waits: null },
    ...{
      heartbeats: [],
      windows: [],
      asked: [],
      streams: [],
      admitted: null,
      down: false,
      old: false,
      bend: (jws) => jws,
      rotate,
    },
    http: async (request) => ({ headers: {}, ...(await answer(request)) }),
    policy: {
      ...{ schema: policySchema, deployment, revision: 1, stage: 0, sealed: false, issued_at: 1_800_000_000_000 },
      cohort: { salt: 'salt', percent: 0, cap: null, include: [], exclude: [] },
      ...{ fallback: null, drain: true, shadow_sample: 0 },
      ...first,
    },
    set(change) {
      control.policy = { ...control.policy, ...change, revision: control.policy.revision + 1 };
    },
  };
  return control;
}
