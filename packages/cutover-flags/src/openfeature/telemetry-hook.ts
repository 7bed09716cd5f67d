import {
  type AttributeValue,
  createEvaluationEvent,
  type EvaluationDetails,
  type FlagValue,
  type Hook,
  type HookContext,
  TelemetryAttribute,
} from '@openfeature/server-sdk';

/** One `feature_flag.evaluation` event of OpenTelemetry's semantic conventions. */
export interface EvaluationTelemetry {
  readonly name: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/**
 * A hook that gives an OpenTelemetry event for every evaluation, for the app to log or to put on a span. Where there is
 * a variant the value is left out, as the conventions ask. An `emit` that throws does not disturb the evaluation.
 */
export function createTelemetryHook(emit: (event: EvaluationTelemetry) => void): Hook {
  return {
    finally(context: Readonly<HookContext<FlagValue>>, details: EvaluationDetails<FlagValue>) {
      const { name, attributes } = createEvaluationEvent(context, details);
      const told = Object.entries(attributes).filter(
        (pair): pair is [string, AttributeValue] =>
          pair[1] !== undefined && !(pair[0] === TelemetryAttribute.VALUE && details.variant !== undefined),
      );
      try {
        emit({ name, attributes: Object.fromEntries(told) });
      } catch {
        // What cannot be told must not change what is decided.
      }
    },
  };
}
