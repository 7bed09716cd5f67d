import { BridgeError } from '../errors.ts';
import type { DeliveryState } from './delivery-states.ts';

/**
 * When an event counts as published. With `of` only these relays count, which are among those of the event. Deliveries to
 * the other relays go on all the same.
 */
export type QuorumPolicy =
  | { readonly type: 'all'; readonly of?: readonly string[] }
  /** More than half. */
  | { readonly type: 'majority'; readonly of?: readonly string[] }
  | { readonly type: 'count'; readonly count: number; readonly of?: readonly string[] }
  /** One of these, which are among the relays of the event. */
  | { readonly type: 'any-of'; readonly relays: readonly string[] };

/** `missed`: too many relays have refused, or were given up, for the quorum to be reached. */
export type Standing = 'open' | 'reached' | 'missed';

/** How one event stands at one relay. */
export interface DeliveryAt {
  readonly relay: string;
  readonly state: DeliveryState;
}

/** @throws {BridgeError} `invalid_option` for a policy that these relays could never meet. */
export function checkQuorum(policy: QuorumPolicy, relays: readonly string[]): void {
  if (relays.length === 0) throw new BridgeError('invalid_option', 'An event needs a relay to go to.');
  if (new Set(relays).size !== relays.length) throw new BridgeError('invalid_option', 'A relay is named twice.');
  const counted = countedOf(policy) ?? relays;
  const isAmong = counted.length > 0 && counted.every((url) => relays.includes(url));
  const isEnough =
    policy.type !== 'count' ||
    (Number.isSafeInteger(policy.count) && policy.count >= 1 && policy.count <= new Set(counted).size);
  if (!isAmong || !isEnough)
    throw new BridgeError('invalid_option', 'The quorum names relays that the event does not go to.');
}

/** How an event stands with all its deliveries. */
export function judgeQuorum(policy: QuorumPolicy, deliveries: readonly DeliveryAt[]): Standing {
  const among = countedOf(policy);
  const counted = among === undefined ? deliveries : deliveries.filter(({ relay }) => among.includes(relay));
  const needed = neededOf(policy, counted.length);
  const accepted = counted.filter(({ state }) => state === 'accepted').length;
  const possible = counted.filter(({ state }) => state === 'pending' || state === 'in-flight').length;
  if (accepted >= needed) return 'reached';
  return accepted + possible >= needed ? 'open' : 'missed';
}

/** A policy that counts only these relays, whatever others an event goes to. */
export function quorumOf(policy: QuorumPolicy, relays: readonly string[]): QuorumPolicy {
  return policy.type === 'any-of' || policy.of !== undefined ? policy : { ...policy, of: relays };
}

function countedOf(policy: QuorumPolicy): readonly string[] | undefined {
  return policy.type === 'any-of' ? policy.relays : policy.of;
}

function neededOf(policy: QuorumPolicy, relays: number): number {
  switch (policy.type) {
    case 'all':
      return relays;
    case 'majority':
      return Math.floor(relays / 2) + 1;
    case 'count':
      return policy.count;
    case 'any-of':
      return 1;
  }
}
