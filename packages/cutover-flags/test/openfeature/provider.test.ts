import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Client, ErrorCode, OpenFeature, ProviderEvents, ProviderStatus } from '@openfeature/server-sdk';
import fc from 'fast-check';
import { bucketOf } from '../../src/cohort/bucket.ts';
import { unitOf } from '../../src/cohort/unit-of.ts';
import { CutoverError } from '../../src/errors.ts';
import { createCutoverProvider, createTelemetryHook, type EvaluationTelemetry } from '../../src/openfeature/index.ts';
import type { CutoverPolicy } from '../../src/policy/policy.ts';
import type { HeldPolicy } from '../../src/policy/policy-cache.ts';
import { decide } from '../../src/rulebook/decide.ts';
import type { DecisionEnv } from '../../src/rulebook/decision.ts';
import { anyPolicy } from '../support/arbitraries.ts';
import { entry, env, fallback, later, policy } from '../support/policies.ts';

afterEach(async () => {
  await OpenFeature.close();
  OpenFeature.clearHandlers();
});

/** A source that a test sets. */
class Source {
  private current: HeldPolicy;
  private readonly listeners = new Set<() => void>();
  constructor(held: CutoverPolicy | null, problem: CutoverError | null = null) {
    this.current = { policy: held, admission: null, problem };
  }
  held = (): HeldPolicy => this.current;
  listen = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
  set(change: Partial<HeldPolicy>): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener();
  }
  get listening(): number {
    return this.listeners.size;
  }
}

interface World {
  readonly client: Client;
  readonly source: Source;
  readonly telemetry: EvaluationTelemetry[];
  readonly provider: ReturnType<typeof createCutoverProvider>;
  readonly events: string[];
  now: DecisionEnv;
  stale: boolean;
}

let worlds = 0;

async function world(held: CutoverPolicy | null, here: Partial<DecisionEnv> = {}): Promise<World> {
  const source = new Source(held);
  const telemetry: EvaluationTelemetry[] = [];
  const provider = createCutoverProvider({
    source,
    env: () => made.now,
    unit: 'desktop-1',
    stale: () => made.stale,
    onEvaluation: (event) => telemetry.push(event),
  });
  const events: string[] = [];
  // A domain of its own: handlers of a domain outlive its providers.
  worlds += 1;
  const domain = `world-${worlds}`;
  const client = OpenFeature.getClient(domain);
  const made: World = { client, source, telemetry, provider, events, now: env(here), stale: false };
  await OpenFeature.setProviderAndWait(domain, provider);
  for (const event of [ProviderEvents.Stale, ProviderEvents.Error, ProviderEvents.ConfigurationChanged]) {
    client.addHandler(event, () => void events.push(event));
  }
  // A handler of ready runs at once when the provider is ready: that first one is not of interest.
  client.addHandler(ProviderEvents.Ready, () => void events.push(ProviderEvents.Ready));
  await Promise.resolve();
  events.length = 0;
  return made;
}

const all = ['cutover.lane', 'cutover.writes', 'cutover.shadow'] as const;

describe('OpenFeature provider', () => {
  test('R20 every flag says what decide says, for any policy', async () => {
    const { client, source, now } = await world(null);
    await fc.assert(
      fc.asyncProperty(anyPolicy, fc.constantFrom('a', 'b', 'desktop-1'), async (held, id) => {
        source.set({ policy: held });
        const decision = decide(held, unitOf(id, held, null), now);
        const context = { targetingKey: id };
        const [lane, writes, shadow] = await Promise.all(all.map((key) => client.getStringValue(key, '?', context)));
        expect({ lane, writes, shadow }).toEqual({
          lane: decision.lane,
          writes: decision.writes,
          shadow: decision.shadow ?? 'none',
        });
        expect(await client.getBooleanValue('cutover.spacetime-primary', decision.lane === 'khala', context)).toBe(
          decision.lane === 'spacetime',
        );
        const details = await client.getObjectDetails('cutover.decision', {}, context);
        expect(details.value).toEqual(decision);
        expect(details.variant).toBe(decision.rule);
        expect(details.errorCode).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  const share = bucketOf('rollout-1', 'desktop-1') / 100 + 1;
  test.each([
    ['STATIC', policy({ stage: 0 }), {}, 'S0.1'],
    ['DISABLED', policy({ stage: 0 }), { flag: '1' }, 'S0.2'],
    ['TARGETING_MATCH', policy(), { flag: '1' }, 'S1.1'],
    ['DEFAULT', policy(), {}, 'S1.2'],
    ['SPLIT', policy({ cohort: { percent: 0.01 } }), {}, 'S1.2'],
    ['SPLIT', policy({ cohort: { percent: Math.round(share) } }), {}, 'S1.3'],
    ['TARGETING_MATCH', policy({ cohort: { include: [entry()] } }), {}, 'S1.3'],
    ['TARGETING_MATCH', policy({ cohort: { exclude: [entry()] } }), {}, 'S1.4'],
    ['SPLIT', policy({ cohort: { percent: 100, cap: 0 } }), {}, 'S1.5'],
    ['STATIC', policy({ stage: 2 }), {}, 'S2.1'],
    ['DISABLED', policy({ stage: 2, fallback }), {}, 'S2.2'],
    ['TARGETING_MATCH', policy({ stage: 2, fallback: { ...fallback, units: ['desktop-1'] } }), {}, 'S2.2'],
    ['STATIC', policy({ stage: 2, fallback }), { now: later }, 'S2.4'],
    ['STATIC', policy({ stage: 3 }), {}, 'S3.1'],
    ['DEFAULT', null, {}, 'D.1'],
  ] as const)('R20 the reason is %s (case %#)', async (reason, held, here, rule) => {
    const { client } = await world(held, here);
    const details = await client.getStringDetails('cutover.lane', '?');
    expect(details).toMatchObject({ reason, variant: details.value, flagMetadata: { rule } });
    if (held !== null) expect(details.flagMetadata).toMatchObject({ revision: held.revision, stage: held.stage });
  });

  test('R20 what is out of date says STALE, and the provider tells it once, and its recovery', async () => {
    const made = await world(policy({ stage: 2 }));
    made.stale = true;
    for (const _ of [1, 2]) {
      expect(await made.client.getStringDetails('cutover.lane', '?')).toMatchObject({
        reason: 'STALE',
        value: 'spacetime',
      });
    }
    expect(made.client.providerStatus).toBe(ProviderStatus.STALE);
    made.stale = false;
    made.provider.refresh();
    expect(made.client.providerStatus).toBe(ProviderStatus.READY);
    expect((await made.client.getStringDetails('cutover.lane', '?')).reason).toBe('STATIC');
    expect(made.events).toEqual([ProviderEvents.Stale, ProviderEvents.Ready]);
  });

  test('R20 a new policy is told as a change of all flags, the same one is not', async () => {
    const made = await world(policy({ revision: 1 }));
    const changed: (readonly string[] | undefined)[] = [];
    made.client.addHandler(ProviderEvents.ConfigurationChanged, (event) => void changed.push(event?.flagsChanged));
    made.source.set({ policy: policy({ revision: 2, stage: 2 }) });
    made.source.set({});
    expect(changed).toEqual([[...all, 'cutover.spacetime-primary', 'cutover.decision']]);
    expect(await made.client.getStringValue('cutover.lane', '?')).toBe('spacetime');
  });

  test('R20 a cache that is damaged is an error at the start, the safe lane is still told, and a policy heals it', async () => {
    const problem = new CutoverError('cache_corrupt', 'The cached policy cannot be read.');
    const source = new Source(null, problem);
    const provider = createCutoverProvider({ source, env, unit: 'desktop-1' });
    const client = OpenFeature.getClient('test');
    await expect(OpenFeature.setProviderAndWait('test', provider)).rejects.toThrow('cached policy');
    expect(client.providerStatus).toBe(ProviderStatus.ERROR);
    expect(await client.getStringDetails('cutover.lane', '?')).toMatchObject({ value: 'khala', reason: 'DEFAULT' });
    source.set({ policy: policy({ stage: 2 }), problem: null });
    expect(client.providerStatus).toBe(ProviderStatus.READY);
    source.set({ policy: null, problem });
    expect(client.providerStatus).toBe(ProviderStatus.ERROR);
    expect(await client.getStringValue('cutover.lane', '?')).toBe('khala');
  });

  test.each([
    ['an unknown flag', 'cutover.future', 'string', {}, ErrorCode.FLAG_NOT_FOUND],
    ['a name of every object', 'toString', 'string', {}, ErrorCode.FLAG_NOT_FOUND],
    ['a flag of another type', 'cutover.lane', 'boolean', {}, ErrorCode.TYPE_MISMATCH],
    ['a number', 'cutover.lane', 'number', {}, ErrorCode.TYPE_MISMATCH],
    ['an object that is a text', 'cutover.lane', 'object', {}, ErrorCode.TYPE_MISMATCH],
    ['an empty key', 'cutover.lane', 'string', { targetingKey: '' }, ErrorCode.TARGETING_KEY_MISSING],
    ['a key that is no Unicode', 'cutover.lane', 'string', { targetingKey: '\ud800' }, ErrorCode.INVALID_CONTEXT],
  ] as const)('R20 %s gives the default with its error code', async (_what, key, type, context, errorCode) => {
    const { client, telemetry } = await world(policy());
    const details = await {
      string: () => client.getStringDetails(key, 'default', context),
      boolean: () => client.getBooleanDetails(key, true, context),
      number: () => client.getNumberDetails(key, 5, context),
      object: () => client.getObjectDetails(key, { a: 1 }, context),
    }[type]();
    expect(details).toMatchObject({ reason: 'ERROR', errorCode });
    expect(details.value).toEqual({ string: 'default', boolean: true, number: 5, object: { a: 1 } }[type]);
    expect(telemetry.at(-1)?.attributes).toMatchObject({
      'error.type': errorCode.toLowerCase(),
      'feature_flag.result.reason': 'error',
    });
  });

  test('R20 without any unit the targeting key is missing', async () => {
    await OpenFeature.setProviderAndWait('test', createCutoverProvider({ source: new Source(policy()), env }));
    const client = OpenFeature.getClient('test');
    expect((await client.getStringDetails('cutover.lane', '?')).errorCode).toBe(ErrorCode.TARGETING_KEY_MISSING);
    expect((await client.getStringDetails('cutover.lane', '?', { targetingKey: 'a' })).errorCode).toBeUndefined();
  });

  test('R20 hooks of client and call run around an evaluation, and may name the unit', async () => {
    const { client } = await world(policy({ cohort: { include: [entry({ unit: 'other' })] } }));
    const seen: string[] = [];
    client.addHooks({
      before: () => ({ targetingKey: 'other' }),
      after: (_context, details) => void seen.push(`after ${String(details.value)}`),
    });
    const hook = { finally: () => void seen.push('finally') };
    expect(await client.getStringValue('cutover.lane', '?', {}, { hooks: [hook] })).toBe('spacetime');
    expect(seen).toEqual(['after spacetime', 'finally']);
  });

  test('R20 telemetry has the attributes of the semantic conventions, and no value beside a variant', async () => {
    const { client, telemetry } = await world(policy({ revision: 12, stage: 2 }));
    await client.getObjectValue('cutover.decision', {}, { targetingKey: 'desktop-9' });
    expect(telemetry).toEqual([
      {
        name: 'feature_flag.evaluation',
        attributes: {
          'feature_flag.key': 'cutover.decision',
          'feature_flag.provider.name': 'autopilot-cutover',
          'feature_flag.result.variant': 'S2.1',
          'feature_flag.result.reason': 'static',
          'feature_flag.context.id': 'desktop-9',
          'feature_flag.set.id': 'test',
          'feature_flag.version': '12',
        },
      },
    ]);
  });

  test('R20 a telemetry callback that throws changes nothing', async () => {
    const { client } = await world(policy({ stage: 2 }));
    client.addHooks(
      createTelemetryHook(() => {
        throw new Error('exporter is down');
      }),
    );
    expect(await client.getStringDetails('cutover.lane', '?')).toMatchObject({ value: 'spacetime', reason: 'STATIC' });
  });

  test('R20 a closed provider no longer listens', async () => {
    const { source } = await world(policy());
    expect(source.listening).toBe(1);
    await OpenFeature.close();
    expect(source.listening).toBe(0);
  });
});

test('R21 nothing that the main entry reaches imports OpenFeature', () => {
  const source = new URL('../../src/', import.meta.url);
  const reached = new Set<string>();
  const follow = (file: URL): void => {
    if (reached.has(file.href)) return;
    reached.add(file.href);
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(/from '([^']+)'/g)) {
      expect(target).not.toMatch(/openfeature/);
      if (target.startsWith('.')) follow(new URL(target, file));
    }
  };
  follow(new URL('index.ts', source));
  expect(reached.size).toBeGreaterThan(15);
  const own = readdirSync(new URL('openfeature/', source)).map((name) =>
    readFileSync(new URL(`openfeature/${name}`, source), 'utf8'),
  );
  expect(own.some((text) => text.includes("from '@openfeature/server-sdk'"))).toBe(true);
});
