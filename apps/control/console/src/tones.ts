import type { RequirementStatus } from '@autopilot/cutover-flags';

/** How a state is meant. Each tone has its own colour and its own shape of icon. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'idle';

/** The words and tones of a requirement. Only what is met is green. */
export const requirementWords: Readonly<Record<RequirementStatus, { readonly word: string; readonly tone: Tone }>> = {
  met: { word: 'met', tone: 'good' },
  missing: { word: 'missing', tone: 'bad' },
  stale: { word: 'stale', tone: 'warn' },
  failed: { word: 'failed', tone: 'bad' },
  inconclusive: { word: 'inconclusive', tone: 'warn' },
  waived: { word: 'waived', tone: 'busy' },
  'not-applicable': { word: 'not applicable', tone: 'idle' },
};
