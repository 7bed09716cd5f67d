import type { ParityWindow } from '@autopilot/cutover-flags/parity';

/**
 * How long something was really compared: the length of the union of the windows that have settled a position,
 * milliseconds of their clock. Windows of many units at one time count once, and what lies between them not at all.
 */
export function coveredBy(windows: readonly Pick<ParityWindow, 'from' | 'to' | 'positions'>[]): number {
  const spans = windows.filter(({ positions }) => positions > 0).sort((a, b) => a.from - b.from);
  let covered = 0;
  let reached = Number.NEGATIVE_INFINITY;
  for (const { from, to } of spans) {
    covered += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return covered;
}
