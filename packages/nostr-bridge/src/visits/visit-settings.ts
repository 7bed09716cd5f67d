import { atLeast } from '../option-checks.ts';
import type { VisitRules } from './visit-rules.ts';

/** How relays outside of the settings are visited, which customers name. Times in milliseconds. */
export interface VisitSettings extends VisitRules {
  /** Relays of its customer that an answer goes to at most, beside those of the bridge; 0: none. */
  readonly maxRelaysPerAnswer: number;
  /** Visits at the same time; 0: none. */
  readonly maxVisitedRelays: number;
  /** A visit ends when nothing was answered for so long. */
  readonly visitMs: number;
  /** What waits for a visit for longer is given up. */
  readonly ageMs: number;
  /** Deliveries that wait for a visit: with more, answers go to the relays of the bridge only. */
  readonly maxWaiting: number;
  /** Customers whose relay list is remembered. */
  readonly maxLists: number;
}

/** What is used where nothing is said. */
export const defaultVisitSettings: VisitSettings = {
  maxRelaysPerAnswer: 6,
  maxVisitedRelays: 8,
  visitMs: 30_000,
  ageMs: 3_600_000,
  maxWaiting: 1_000,
  maxLists: 1_000,
  allowInsecureRelays: false,
  allowPrivateRelays: false,
};

/** @throws {BridgeError} `invalid_option` naming the setting. */
export function visitSettings(changes: Partial<VisitSettings> = {}): VisitSettings {
  const settings = { ...defaultVisitSettings, ...changes };
  const { allowInsecureRelays, allowPrivateRelays, maxRelaysPerAnswer, maxVisitedRelays, ...numbers } = settings;
  atLeast(0, 'visits.maxRelaysPerAnswer', maxRelaysPerAnswer);
  atLeast(0, 'visits.maxVisitedRelays', maxVisitedRelays);
  for (const [name, value] of Object.entries(numbers)) atLeast(1, `visits.${name}`, value);
  // What is not `true` allows nothing.
  return {
    ...settings,
    allowInsecureRelays: allowInsecureRelays === true,
    allowPrivateRelays: allowPrivateRelays === true,
  };
}
