import { canonicalJson, canonicalPayloadHash } from '@autopilot/sync-contract';
import { CutoverError } from '../errors.ts';
import type { GateObservation } from './gate.ts';
import { parseObservation } from './parse-observation.ts';

/** The payload type of every receipt. */
export const receiptPayloadType = 'application/vnd.in-toto+json';

/** Names the predicate: a {@link GateObservation}. It changes when the form does. */
export const gatePredicateType = 'https://github.com/autopilot-comms/autopilot-comms/gate-observation/v1';

const statementType = 'https://in-toto.io/Statement/v1';

/** An in-toto Statement v1 about packages. */
export interface GateStatement {
  readonly _type: typeof statementType;
  /** The packages that ran: name@version and the SHA-256 of that text. */
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: typeof gatePredicateType;
  readonly predicate: GateObservation;
}

/** The statement of an observation. Throws `invalid_observation`. */
export function statementOf(observation: GateObservation): GateStatement {
  const predicate = parseObservation(observation);
  return { _type: statementType, subject: subjectOf(predicate), predicateType: gatePredicateType, predicate };
}

/** The observation that a payload states. Throws `receipt_statement`, `invalid_observation`. */
export function observationOf(payload: Uint8Array): GateObservation {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new CutoverError('receipt_statement', 'The payload is not JSON.', { cause });
  }
  const statement = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (statement._type !== statementType) throw wrong(`its _type is not ${statementType}`);
  if (statement.predicateType !== gatePredicateType) throw wrong(`its predicateType is not ${gatePredicateType}`);
  const observation = parseObservation(statement.predicate);
  // What the receipt is about and what it says it saw must be the same packages.
  let subject = '';
  try {
    subject = canonicalJson(statement.subject);
  } catch {
    throw wrong('its subject is missing');
  }
  if (subject !== canonicalJson(subjectOf(observation))) throw wrong('its subject is not the packages that ran');
  return observation;
}

function subjectOf(observation: GateObservation): GateStatement['subject'] {
  return Object.entries(observation.environment.packages)
    .map(([name, version]) => `${name}@${version}`)
    .sort()
    .map((name) => ({ name, digest: { sha256: canonicalPayloadHash(name).slice('sha256:'.length) } }));
}

function wrong(why: string): CutoverError {
  return new CutoverError('receipt_statement', `This is no statement of a gate: ${why}.`);
}
