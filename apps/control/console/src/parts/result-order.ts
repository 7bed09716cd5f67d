import type { ComparisonResult } from '@autopilot/cutover-flags/parity';

/** Every result in the order of the stack, matches first. */
export const resultOrder: readonly ComparisonResult[] = [
  'match',
  'ignored',
  'late',
  'reordered',
  'extra',
  'missing_left',
  'missing_right',
  'mismatch',
];
