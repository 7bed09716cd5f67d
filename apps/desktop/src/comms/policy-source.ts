import { createPolicyCache, type HeldPolicy, type PolicyCache, type PolicyFiles } from '@autopilot/cutover-flags';
import { type Cancel, isCodedError, type Ports, SyncError } from '@autopilot/sync-contract';
import { z } from 'zod';
import type { Log } from '../log.ts';
import type { AskControl } from './control-client.ts';
import type { LastAnswer, PolicyAnswer } from './policy-answer.ts';
import type { UnitFile } from './unit-file.ts';

/** The policy of this unit: asked for again and again, and kept for when control is away. */
export interface PolicySource {
  held(): HeldPolicy;
  readonly last: LastAnswer;
  /** Reads the file, and with `ask` waits at most so many milliseconds for control. Never rejects. */
  load(askWithinMs: number | null): Promise<void>;
  /** Asks from now on. */
  start(): void;
  /** Control has told of a newer revision. */
  askNow(): void;
  listen(listener: () => void): void;
  /** Resolves when nothing is written any more, at the latest after a second. */
  close(): Promise<void>;
}

export interface PolicySourceOptions {
  readonly ports: Ports;
  readonly log: Log;
  readonly ask: AskControl;
  readonly unit: UnitFile;
  readonly files: PolicyFiles;
  /** The bounds of the time between two questions, milliseconds. */
  readonly pollMs?: { readonly shortest: number; readonly longest: number };
}

const closingMs = 1000;
const jwk = z.looseObject({ kty: z.string() });
const keysSchema = z.object({ keys: z.array(jwk) });
const answerSchema = z.object({
  policy: z.string().min(1),
  admission: z.string().min(1).nullable().default(null),
  deployment: z.string().min(1).max(200).optional(),
  next_ms: z.number().positive().optional(),
  wait_ms: z.number().positive().nullable().optional(),
});

/** A control that grants more is not waited for longer. */
const longestWaitMs = 20_000;

type Keys = Parameters<PolicyCache['offer']>[0]['keys'];

/** A source that has asked nobody yet. */
export function createPolicySource(options: PolicySourceOptions): PolicySource {
  const { ports, log, ask, unit, files } = options;
  const bounds = options.pollMs ?? { shortest: 1000, longest: 60_000 };
  const listeners = new Set<() => void>();
  const none: HeldPolicy = { policy: null, admission: null, problem: null };
  let cache: PolicyCache | undefined;
  let keys: Keys | undefined;
  let last: LastAnswer = { answer: 'none-yet', at: null, error: null };
  let planned: Cancel | undefined;
  let asking: Promise<void> | undefined;
  let again = false;
  let failures = 0;
  let started = false;
  let closed = false;
  /** How long control lets a question wait for another policy; null when it does not, or has not said so. */
  let waits: number | null = null;
  const ending = new AbortController();

  const atMost = async (milliseconds: number, work: Promise<void> | undefined) => {
    if (work === undefined) return;
    let cancel = () => {};
    const enough = new Promise<void>((resolve) => {
      cancel = ports.scheduler.after(milliseconds, resolve);
    });
    await Promise.race([work, enough]);
    cancel();
  };
  const tell = () => {
    for (const listener of listeners) listener();
  };
  /** The first answer names the installation; from then on a document of another one is refused. */
  const cacheOf = async (deployment: string): Promise<PolicyCache> => {
    if (cache !== undefined) return cache;
    const made = createPolicyCache({ files, deployment, unit: unit.identity.unit });
    await made.load();
    cache ??= made;
    return cache;
  };
  const fetchKeys = async (): Promise<Keys> => {
    const { status, json } = await ask('GET', '/.well-known/jwks.json');
    const parsed = keysSchema.safeParse(json);
    if (status !== 200 || !parsed.success) throw new SyncError('unavailable', 'Control gave no keys to verify with.');
    keys = parsed.data as Keys;
    return keys;
  };
  const offer = async (answer: z.infer<typeof answerSchema>) => {
    const deployment = unit.identity.deployment ?? answer.deployment ?? 'unnamed';
    const target = await cacheOf(deployment);
    const bundle = { policy: answer.policy, admission: answer.admission };
    try {
      return await target.offer({ ...bundle, keys: keys ?? (await fetchKeys()) });
    } catch (error) {
      if (!isCodedError(error) || error.code !== 'unknown_key') throw error;
      // Keys are changed from time to time.
      return await target.offer({ ...bundle, keys: await fetchKeys() });
    }
  };
  const note = (answer: PolicyAnswer, error: string | null) => {
    last = { answer, at: ports.clock.now(), error };
    failures = answer === 'failed' ? failures + 1 : 0;
    tell();
  };
  /** Control is asked to wait only when it has said that it does, and for something newer than what is held. */
  const asked = () => {
    const path = `/v1/cutover/policy?unit=${encodeURIComponent(unit.identity.unit)}`;
    const revision = cache?.held().policy?.revision;
    if (waits === null || revision === undefined || !started) return { path, waitMs: 0 };
    const waitMs = Math.min(longestWaitMs, Math.floor(waits));
    return { path: `${path}&after=${revision}&wait_ms=${waitMs}`, waitMs };
  };
  const question = async (): Promise<number> => {
    try {
      const { path, waitMs } = asked();
      const { status, json } = await ask('GET', path, undefined, { waitMs, signal: ending.signal });
      if (status === 404) {
        note('absent', null);
        return bounds.longest;
      }
      const parsed = answerSchema.safeParse(json);
      if (status !== 200 || !parsed.success) {
        throw new SyncError('unavailable', `Control answered ${status} to the question for the policy.`);
      }
      waits = parsed.data.wait_ms ?? null;
      const taken = await offer(parsed.data);
      if (parsed.data.deployment !== undefined) unit.pin(parsed.data.deployment);
      note(taken, null);
      return parsed.data.next_ms ?? 15_000;
    } catch (error) {
      waits = null;
      const code = isCodedError(error) ? error.code : 'internal';
      const message = error instanceof Error ? error.message : String(error);
      if (failures === 0 && !closed) log.warn({ code, err: error }, 'no policy from control');
      note('failed', `${code}: ${message}`);
      // All that waited at a control that goes away fail at one moment: they come back spread out.
      return bounds.shortest * 2 ** Math.min(failures, 6) * (1 + ports.random.next());
    }
  };
  const plan = (delay: number) => {
    planned?.();
    planned = ports.scheduler.after(Math.min(bounds.longest, Math.max(bounds.shortest, delay)), () => {
      planned = undefined;
      void run();
    });
  };
  const run = (): Promise<void> => {
    asking ??= question().then((next) => {
      asking = undefined;
      if (closed || !started) return;
      const now = again;
      again = false;
      // A little chance keeps a fleet from asking at one moment.
      plan(now ? 0 : next * (0.9 + 0.2 * ports.random.next()));
    });
    return asking;
  };
  return {
    held: () => cache?.held() ?? none,
    get last() {
      return last;
    },
    async load(askWithinMs) {
      const { deployment } = unit.identity;
      if (deployment !== null) await cacheOf(deployment);
      if (askWithinMs !== null) await atMost(askWithinMs, run());
    },
    start() {
      started = true;
      if (planned === undefined && asking === undefined) {
        if (last.answer === 'none-yet') void run();
        else plan(last.answer === 'failed' ? bounds.shortest : 15_000);
      }
    },
    askNow() {
      if (closed || !started) return;
      if (asking !== undefined) again = true;
      else {
        planned?.();
        planned = undefined;
        void run();
      }
    },
    listen: (listener) => void listeners.add(listener),
    async close() {
      closed = true;
      ending.abort();
      planned?.();
      listeners.clear();
      await atMost(closingMs, asking);
    },
  };
}
