export { type AuditProblem, type AuditVerdict, appendAudit, verifyAudit } from './audit/chain.ts';
export { type AuditEntry, type AuditHead, type AuditPlace, type AuditRecord, auditGenesis } from './audit/record.ts';
export { type AdmissionOutcome, type AdmissionRoster, admit, rosterOf } from './cohort/admit.ts';
export { bucketOf, buckets } from './cohort/bucket.ts';
export {
  leastExpected,
  leastSamples,
  type SampleRatio,
  sampleRatio,
  sampleRatioThreshold,
} from './cohort/sample-ratio.ts';
export { unitOf } from './cohort/unit-of.ts';
export { CutoverError, type CutoverErrorCode, cutoverErrors } from './errors.ts';
export {
  type BundleExpectation,
  type BundleProblem,
  bundle,
  type EvidenceBundle,
  verifyBundle,
} from './gates/bundle.ts';
export { createReceipt } from './gates/create-receipt.ts';
export type { DsseEnvelope, DsseSignature } from './gates/dsse.ts';
export {
  type GateCounts,
  type GateEnvironment,
  type GateId,
  type GateObservation,
  gateIds,
  type Verdict,
} from './gates/gate.ts';
export { type InUse, type Judgement, judge } from './gates/judge.ts';
export type { SigningKey, TrustedKey } from './gates/keys.ts';
export { parseObservation } from './gates/parse-observation.ts';
export type { VerifiedReceipt } from './gates/receipt.ts';
export type { GateRequirement, MeasureBound } from './gates/requirement.ts';
export { gatePredicateType, receiptPayloadType } from './gates/statement.ts';
export { receiptDigest, verifyReceipt } from './gates/verify-receipt.ts';
export type {
  CohortChange,
  CommandHeader,
  CommandOf,
  CommandType,
  CutoverCommand,
  RollbackTarget,
  TransitionContext,
} from './machine/command.ts';
export type {
  ConditionId,
  CutoverConfig,
  GateEntry,
  StepId,
  StepRequirements,
  Trigger,
  TriggerAction,
  TriggerClause,
} from './machine/config.ts';
export { defaultCutoverConfig } from './machine/default-config.ts';
export {
  type BindingFacts,
  type CutoverFacts,
  type Evidence,
  type FallbackFacts,
  type PlacementFacts,
  noFacts,
  type SampleRatioFacts,
  type ServiceFacts,
  type TargetFacts,
} from './machine/evidence.ts';
export { type InitialStateOptions, initialState } from './machine/initial-state.ts';
export { plan } from './machine/make-plan.ts';
export { parseCommand } from './machine/parse-command.ts';
export { parseCutoverConfig } from './machine/parse-config.ts';
export {
  type Plan,
  type PlanEffect,
  type PlanRequirement,
  type PlanTarget,
  type RequirementStatus,
  requirementStatuses,
} from './machine/plan.ts';
export { planDigest } from './machine/plan-digest.ts';
export { policyOf } from './machine/policy-of.ts';
export type { TransitionResult } from './machine/result.ts';
export type {
  Approval,
  CutoverEvent,
  CutoverEventName,
  CutoverState,
  CutoverStatus,
  Flip,
  FlipOutcome,
  FlipPublication,
  FlipTarget,
  Hold,
  ReleaseCycles,
  TriggerState,
} from './machine/state.ts';
export { nextPercent } from './machine/steps.ts';
export { type Cell, transitionTable } from './machine/table.ts';
export { nextDue, transition } from './machine/transition.ts';
export { type Admission, admissionType, signAdmission, verifyAdmission } from './policy/admission.ts';
export type { PolicyFiles } from './policy/cache-file.ts';
export { longestList, parsePolicy } from './policy/parse-policy.ts';
export {
  type CohortEntry,
  type CohortPolicy,
  type CutoverPolicy,
  type EmergencyFallback,
  policySchema,
} from './policy/policy.ts';
export {
  createPolicyCache,
  type HeldPolicy,
  type PolicyBundle,
  type PolicyCache,
  type PolicyCacheOptions,
} from './policy/policy-cache.ts';
export type { PolicySigningKey } from './policy/signed-document.ts';
export { type PolicyExpectation, policyType, signPolicy, verifyPolicy } from './policy/signed-policy.ts';
export { decide } from './rulebook/decide.ts';
export type { Decide, Decision, DecisionEnv, Unit } from './rulebook/decision.ts';
export { type Rule, type RuleDecision, type RuleId, ruleIds, rules } from './rulebook/rules.ts';
export { primaryCommsToggle, startUpCheck, type ToggleWarning, toggles } from './rulebook/toggles.ts';
export { isStage, type Stage, stageNames, stages } from './stage.ts';
export { overdueWaivers, type Waiver, waiverFor } from './waivers/waiver.ts';
