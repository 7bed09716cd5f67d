import { CutoverError } from '../errors.ts';
import type { Stage } from '../stage.ts';
import { type RuleId, rules } from './rules.ts';

/** The one toggle that acts: it makes spacetime primary on a unit in Stage 1. */
export const primaryCommsToggle = 'OA_SPACETIME_PRIMARY_COMMS';

/** Every environment variable that switched between the lanes or kept khala going. None may be set in Stage 3. */
export const toggles = [primaryCommsToggle, 'OA_COMPAT_KHALA_ENFORCED'] as const;

/** `unread`: it is set to something that means nothing, and therefore does not act. */
export type ToggleState = 'on' | 'unset' | 'unread';

/** Reads the value of a toggle. Only `1` turns it on; not set, empty and `0` are the same. */
export function readToggle(value: unknown): ToggleState {
  if (value === undefined || value === null || value === '' || value === '0') return 'unset';
  return value === '1' ? 'on' : 'unread';
}

/** A toggle that is set and does not do what its name promises. */
export interface ToggleWarning {
  readonly variable: string;
  readonly rule: RuleId;
  readonly message: string;
}

/**
 * Looks at the environment once, when a program starts. Returns what to warn of.
 *
 * @throws {CutoverError} `toggle_refused` in Stage 3 when any toggle is present, whatever its value.
 */
export function startUpCheck(
  stage: Stage,
  variables: Readonly<Record<string, string | undefined>>,
): readonly ToggleWarning[] {
  if (stage === 3) {
    const present = toggles.filter((name) => variables[name] !== undefined);
    if (present.length === 0) return [];
    const message = `${present.join(', ')} must not be set in Stage 3 (S3.2): there is one lane and nothing to toggle.`;
    throw new CutoverError('toggle_refused', message, { details: { variables: present, rule: 'S3.2', stage } });
  }
  const state = readToggle(variables[primaryCommsToggle]);
  if (state === 'unset' || (stage === 1 && state === 'on')) return [];
  const rule = ({ 0: 'S0.2', 1: 'S1.1', 2: 'S2.3' } as const)[stage];
  const why = state === 'on' ? rules[rule].text : 'Only the value 1 acts; this one is taken as not set.';
  return [{ variable: primaryCommsToggle, rule, message: `${primaryCommsToggle} has no effect (${rule}): ${why}` }];
}
