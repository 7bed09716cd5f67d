import type { JsonObject } from '@autopilot/sync-contract';
import { isCodedError } from '@autopilot/sync-contract';
import { judge } from '../gates/judge.ts';
import type { VerifiedReceipt } from '../gates/receipt.ts';
import type { GateRequirement } from '../gates/requirement.ts';
import { verifyReceipt } from '../gates/verify-receipt.ts';
import { type Waiver, waiverFor } from '../waivers/waiver.ts';
import type { CutoverConfig, GateEntry } from './config.ts';
import type { Evidence } from './evidence.ts';
import type { PlanRequirement } from './plan.ts';
import type { CutoverState } from './state.ts';

/** What the gates of a step come to: one requirement for each gate and package. */
export function gateRequirements(
  entries: readonly GateEntry[],
  evidence: Evidence,
  config: CutoverConfig,
  { waivers, stage_since, cohort_since }: Pick<CutoverState, 'waivers' | 'stage_since' | 'cohort_since'>,
  now: number,
): readonly PlanRequirement[] {
  if (entries.length === 0) return [];
  const { receipts, refused } = believed(evidence);
  const changedAt = Math.max(stage_since, cohort_since);
  return entries.flatMap((entry) => {
    const gate = config.gates[entry.gate];
    // Where nothing is known to be in use, nothing is known not to be.
    const known = Object.keys(evidence.packages).length > 0;
    if (known && gate.only_with !== null && !Object.hasOwn(evidence.packages, gate.only_with)) {
      return [notApplicable(entry, gate)];
    }
    const packages = gate.packages.length === 0 ? [null] : gate.packages;
    return packages.map((name) => ofPackage(entry, gate, name, receipts, refused, evidence, waivers, now, changedAt));
  });
}

/** The receipts that are believed, and how many were refused with which code. */
function believed(evidence: Evidence): { receipts: readonly VerifiedReceipt[]; refused: string } {
  const receipts: VerifiedReceipt[] = [];
  const codes = new Map<string, number>();
  const trusted = JSON.stringify(evidence.trusted_keys);
  for (const envelope of evidence.receipts) {
    try {
      receipts.push(verifyOnce(envelope, evidence.trusted_keys, trusted));
    } catch (error) {
      const code = isCodedError(error) ? error.code : 'internal';
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  const parts = [...codes].map(([code, count]) => `${count} ${code}`);
  return { receipts, refused: parts.length === 0 ? '' : ` Receipts that are not believed: ${parts.join(', ')}.` };
}

const verified = new WeakMap<object, { readonly of: string; readonly receipt: VerifiedReceipt }>();

/**
 * The same receipts come with every plan, and verifying one costs more than all the rest of a plan. What was verified is
 * taken again only for the very same text and keys, so that an envelope that was changed meanwhile is verified anew.
 */
function verifyOnce(envelope: unknown, keys: Evidence['trusted_keys'], trusted: string): VerifiedReceipt {
  if (typeof envelope !== 'object' || envelope === null) return verifyReceipt(envelope, keys);
  const of = `${trusted}\n${JSON.stringify(envelope)}`;
  const known = verified.get(envelope);
  if (known?.of === of) return known.receipt;
  const receipt = verifyReceipt(envelope, keys);
  verified.set(envelope, { of, receipt });
  return receipt;
}

function ofPackage(
  entry: GateEntry,
  gate: GateRequirement,
  name: string | null,
  receipts: readonly VerifiedReceipt[],
  refused: string,
  evidence: Evidence,
  waivers: readonly Waiver[],
  now: number,
  changedAt: number,
): PlanRequirement {
  const base = { ...describe(entry, gate, name), evidence: [], waiver: null };
  const waiver = gate.waivable ? waiverFor(waivers, entry.gate, now) : null;
  const settle = (requirement: PlanRequirement): PlanRequirement => {
    if (requirement.status === 'met' || waiver === null) return requirement;
    const seen = `Waived by ${waiver.owner}: ${waiver.reason} Otherwise ${requirement.status}: ${requirement.seen}`;
    return { ...requirement, status: 'waived', seen, next: '', waiver: waiver.id };
  };
  if (name !== null && !Object.hasOwn(evidence.packages, name)) {
    const seen = `${name} is not among the packages in use, so no receipt can be about it.`;
    return settle({ ...base, status: 'missing', seen, age_ms: null, next: `Say which version of ${name} is in use.` });
  }
  const candidates = receipts
    .filter(({ observation }) => observation.gate === entry.gate)
    .filter(({ observation }) => name === null || Object.hasOwn(observation.environment.packages, name))
    .map((receipt) => ({
      receipt,
      judgement: judge(receipt.observation, only(gate, name), now, evidence, entry.measures, changedAt),
    }))
    // The newest that is about what is in use decides: a later failure is not hidden by an earlier pass.
    .sort((a, b) => b.receipt.observation.observed_to - a.receipt.observation.observed_to);
  const decisive = candidates.find(({ receipt }) => isOfUse(receipt, evidence)) ?? candidates[0];
  if (decisive === undefined) {
    const next = `Run the gate ${entry.gate}${name === null ? '' : ` of ${name}`} and submit its receipt.`;
    return settle({ ...base, status: 'missing', seen: `There is no receipt.${refused}`, age_ms: null, next });
  }
  const { receipt, judgement } = decisive;
  const { status, reason, age_ms, next } = judgement;
  return settle({ ...base, status, seen: reason, age_ms, next, evidence: [receipt.digest] });
}

/** Whether every package that the receipt ran has the version in use. */
function isOfUse({ observation }: VerifiedReceipt, evidence: Evidence): boolean {
  return Object.entries(observation.environment.packages).every(
    ([name, version]) => !Object.hasOwn(evidence.packages, name) || evidence.packages[name] === version,
  );
}

function only(gate: GateRequirement, name: string | null): GateRequirement {
  return name === null ? gate : { ...gate, packages: [name] };
}

function notApplicable(entry: GateEntry, gate: GateRequirement): PlanRequirement {
  const seen = `${gate.only_with} is not among the packages in use.`;
  return {
    ...describe(entry, gate, null),
    status: 'not-applicable',
    seen,
    age_ms: null,
    next: '',
    evidence: [],
    waiver: null,
  };
}

function describe(entry: GateEntry, gate: GateRequirement, name: string | null) {
  const wanted: JsonObject = {
    ...gate,
    measures: [...gate.measures, ...entry.measures].map((bound) => ({ ...bound })),
  };
  return {
    id: name === null ? `gate:${entry.gate}` : `gate:${entry.gate}:${name}`,
    text:
      name === null ? `The gate ${entry.gate} passes.` : `The gate ${entry.gate} passes on ${name} as it is in use.`,
    wanted,
  };
}
