import type { ParityWindow } from '@autopilot/cutover-flags/parity';
import { payloadHash } from '@autopilot/sync-contract';

/** A window with what its unit ran. */
export interface HeldWindow {
  readonly window: ParityWindow;
  /** {@link ranOf} its unit's packages; null when it did not say. */
  readonly ran: string | null;
}

/** Names a set of packages with their versions; null for one that nothing was said of. */
export function ranOf(packages: Readonly<Record<string, string>> | undefined): string | null {
  return packages === undefined || Object.keys(packages).length === 0 ? null : payloadHash({ ...packages });
}

/**
 * The window within the time in which control knew the unit: a clock that is ahead makes no evidence that never gets old,
 * and a beginning that nobody saw makes no long observation. Times are the machine's, milliseconds.
 */
export function withinKnownTime(window: ParityWindow, firstSeen: number, now: number): ParityWindow {
  const to = Math.max(firstSeen, Math.min(window.to, now));
  return { ...window, to, from: Math.min(to, Math.max(window.from, firstSeen)) };
}
