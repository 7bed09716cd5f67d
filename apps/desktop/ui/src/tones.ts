import type { LaneState } from '@autopilot/sync-contract';
import type { StreamPhase } from '../../src/view-model/desktop-state.ts';

/** How a state is meant. Each tone has its own colour and its own shape of icon. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'idle';

/** The words and tones of the lane's states. */
export const laneWords: Readonly<Record<LaneState, { readonly word: string; readonly tone: Tone }>> = {
  idle: { word: 'Idle', tone: 'idle' },
  authenticating: { word: 'Getting a token', tone: 'busy' },
  connecting: { word: 'Connecting', tone: 'busy' },
  subscribing: { word: 'Subscribing', tone: 'busy' },
  replaying: { word: 'Catching up', tone: 'busy' },
  live: { word: 'Live', tone: 'good' },
  draining: { word: 'Closing', tone: 'busy' },
  backoff: { word: 'Waiting to retry', tone: 'warn' },
  'needs-auth': { word: 'Needs authorisation', tone: 'bad' },
  failed: { word: 'Failed', tone: 'bad' },
  closed: { word: 'Closed', tone: 'idle' },
};

/** The words and tones of a stream. */
export const streamWords: Readonly<Record<StreamPhase, { readonly word: string; readonly tone: Tone }>> = {
  following: { word: 'head not known', tone: 'idle' },
  replaying: { word: 'catching up', tone: 'busy' },
  level: { word: 'level', tone: 'good' },
  behind: { word: 'behind', tone: 'warn' },
  diverged: { word: 'differs from host', tone: 'bad' },
  blocked: { word: 'blocked', tone: 'bad' },
  quarantined: { word: 'quarantined', tone: 'bad' },
  closed: { word: 'closed', tone: 'bad' },
};
