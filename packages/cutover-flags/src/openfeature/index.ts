export { type CutoverFlag, cutoverFlags } from './flags.ts';
export { type CutoverProvider, type CutoverProviderOptions, createCutoverProvider } from './provider.ts';
export { createTelemetryHook, type EvaluationTelemetry } from './telemetry-hook.ts';
