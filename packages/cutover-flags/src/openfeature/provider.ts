import type { Cancel } from '@autopilot/sync-contract';
import {
  type EvaluationContext,
  FlagNotFoundError,
  GeneralError,
  type Hook,
  InvalidContextError,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  type ResolutionDetails,
  TargetingKeyMissingError,
  TypeMismatchError,
} from '@openfeature/server-sdk';
import { unitOf } from '../cohort/unit-of.ts';
import type { HeldPolicy } from '../policy/policy-cache.ts';
import { decide } from '../rulebook/decide.ts';
import type { DecisionEnv } from '../rulebook/decision.ts';
import { cutoverFlags, isCutoverFlag, metadataOf, reasonOf } from './flags.ts';
import { createTelemetryHook, type EvaluationTelemetry } from './telemetry-hook.ts';

/** Options of {@link createCutoverProvider}. */
export interface CutoverProviderOptions {
  /** Where the policy comes from: a policy cache, or anything else that holds one. */
  readonly source: {
    held(): HeldPolicy;
    listen(listener: () => void): Cancel;
  };
  /** Time, flag and whether this build holds khala; asked for at every evaluation. */
  readonly env: () => DecisionEnv;
  /** The unit that is meant when the context has no targeting key. */
  readonly unit?: string;
  /** Whether control has not confirmed the policy for too long. Call `refresh` when it changes. */
  readonly stale?: () => boolean;
  /** Gets OpenTelemetry's `feature_flag.evaluation` for every evaluation. */
  readonly onEvaluation?: (event: EvaluationTelemetry) => void;
}

/** An OpenFeature provider over the rulebook, for `@openfeature/server-sdk`. */
export interface CutoverProvider extends Provider {
  readonly events: OpenFeatureEventEmitter;
  /** Looks at the source again and emits what has changed. */
  refresh(): void;
}

type Health = 'ready' | 'stale' | 'error';

/**
 * Evaluates `cutover.lane`, `cutover.writes`, `cutover.shadow` (string), `cutover.spacetime-primary` (boolean) and
 * `cutover.decision` (object) for the unit that the targeting key names.
 */
export function createCutoverProvider(options: CutoverProviderOptions): CutoverProvider {
  const { source, env } = options;
  const events = new OpenFeatureEventEmitter();
  let stop: Cancel | undefined;
  let told: { health: Health; held: HeldPolicy } | undefined;

  function healthOf(held: HeldPolicy): Health {
    if (held.policy === null && held.problem !== null) return 'error';
    return options.stale?.() === true ? 'stale' : 'ready';
  }

  function refresh(): void {
    if (told === undefined) return;
    const held = source.held();
    const before = told;
    told = { health: healthOf(held), held };
    if (held.policy !== before.held.policy || held.admission !== before.held.admission) {
      events.emit(ProviderEvents.ConfigurationChanged, {
        flagsChanged: Object.keys(cutoverFlags),
        message: held.policy === null ? 'There is no policy.' : `Revision ${held.policy.revision} is in force.`,
      });
    }
    if (told.health === before.health) return;
    if (told.health === 'ready') events.emit(ProviderEvents.Ready, { message: 'The policy is confirmed.' });
    if (told.health === 'stale') {
      events.emit(ProviderEvents.Stale, { message: 'Control has not confirmed the policy for too long.' });
    }
    if (told.health === 'error') events.emit(ProviderEvents.Error, { message: held.problem?.message ?? '' });
  }

  function resolve<Value extends JsonValue>(
    key: string,
    type: 'boolean' | 'string' | 'number' | 'object',
    context: EvaluationContext,
  ): ResolutionDetails<Value> {
    // What was not announced yet, such as an age that no event told of, is announced now.
    refresh();
    if (!isCutoverFlag(key)) throw new FlagNotFoundError(`There is no flag ${key}.`);
    const id = context.targetingKey ?? options.unit;
    if (id === undefined || id === '') throw new TargetingKeyMissingError('Name the unit as targetingKey.');
    const { policy, admission } = source.held();
    if (!id.isWellFormed()) throw new InvalidContextError('The targetingKey is no well-formed Unicode.');
    const decision = decide(policy, unitOf(id, policy, admission), env());
    const { value, variant } = cutoverFlags[key](decision);
    if (typeof value !== type) throw new TypeMismatchError(`${key} is a ${typeof value}, not a ${type}.`);
    return {
      value: value as JsonValue as Value,
      variant,
      reason: reasonOf(decision, policy, options.stale?.() === true),
      flagMetadata: { ...metadataOf(decision, policy), contextId: id },
    };
  }

  const hooks: Hook[] = options.onEvaluation === undefined ? [] : [createTelemetryHook(options.onEvaluation)];
  return {
    metadata: { name: 'autopilot-cutover' },
    runsOn: 'server',
    events,
    hooks,
    refresh,
    async initialize() {
      const held = source.held();
      stop = source.listen(refresh);
      // `initialize` says ready or error itself. Stale is told right after it, by the first evaluation or `refresh`.
      told = { health: held.policy === null && held.problem !== null ? 'error' : 'ready', held };
      if (told.health === 'error') throw new GeneralError(held.problem?.message ?? 'There is no policy.');
    },
    async onClose() {
      stop?.();
      told = undefined;
    },
    resolveBooleanEvaluation: async (key, _otherwise, context) => resolve<boolean>(key, 'boolean', context),
    resolveStringEvaluation: async (key, _otherwise, context) => resolve<string>(key, 'string', context),
    resolveNumberEvaluation: async (key, _otherwise, context) => resolve<number>(key, 'number', context),
    resolveObjectEvaluation: async <Value extends JsonValue>(
      key: string,
      _otherwise: Value,
      context: EvaluationContext,
    ) => resolve<Value>(key, 'object', context),
  };
}
