import { type Change, type EventDraft, endOf, type Handlers, refuse, requireFlip } from './change.ts';
import type { TransitionContext } from './command.ts';
import type { CutoverConfig } from './config.ts';
import { enterStage } from './enter-stage.ts';
import { recheck, requireApproved } from './handle-request.ts';
import type { CutoverState, Flip, FlipPublication } from './state.ts';

/** The saga of a flip: publish, wait for acknowledgements, then done or undone. */
export const flipHandlers: Handlers<'advance' | 'acknowledge' | 'timeout'> = {
  advance(state, { id, drain }, context) {
    const flip = requireFlip(state, id);
    if (flip.to === 'sealed') return refuse('not_now', `The request ${id} is for the seal: seal it.`);
    requireApproved(state, flip, context);
    const publication: FlipPublication = {
      at: context.now,
      deadline: context.now + context.config.flip.ack_timeout_ms,
      // The state that publishes it has the next revision.
      policy_revision: state.revision + 1,
      previous_percent: state.cohort.percent,
      expected: null,
      acknowledged: null,
    };
    const data = { id, deadline: publication.deadline, drain, approvals: flip.approvals.map(({ by }) => by) };
    return {
      patch: {
        ...enterStage(state, flip.to, context),
        status: 'flipping',
        drain,
        flip: { ...flip, publication },
      },
      events: [{ event: 'flip_started', data, evidence: flip.evidence, loud: true }],
    };
  },

  acknowledge(state, { expected, acknowledged }, context) {
    const { flip, publication } = requirePublished(state);
    if (acknowledged > expected) {
      refuse('invalid_command', 'More units acknowledged than are expected.', { path: 'acknowledged' });
    }
    if (publication.expected === expected && publication.acknowledged === acknowledged)
      return { patch: {}, events: [] };
    const heard = { ...flip, publication: { ...publication, expected, acknowledged } };
    if (enough(heard.publication, context.config)) return done(heard, heard.publication, context);
    return { patch: { flip: heard }, events: [] };
  },

  timeout(state, _command, context) {
    if (state.status === 'flipping') return flipTimeout(state, context);
    const expiry = fallbackExpiry(state, context.now);
    const checked = recheck({ ...state, ...expiry?.patch }, context);
    if (expiry === null && checked === null) return refuse('not_due', 'Nothing has run out of time.');
    return {
      patch: { ...expiry?.patch, ...checked?.patch },
      events: [...(expiry?.events ?? []), ...(checked?.events ?? [])],
    };
  },
};

function flipTimeout(state: CutoverState, context: TransitionContext): Change {
  const { flip, publication } = requirePublished(state);
  if (context.now < publication.deadline) {
    return refuse('not_due', `The flip has until ${publication.deadline}.`, { until: publication.deadline });
  }
  return enough(publication, context.config) ? done(flip, publication, context) : undone(state, flip, context);
}

/** Whether enough units have said that they see the policy. None expected is not enough. */
function enough({ expected, acknowledged }: FlipPublication, { flip }: CutoverConfig): boolean {
  if (expected === null || acknowledged === null || expected === 0) return false;
  return acknowledged / expected >= flip.ack_ratio;
}

function done(flip: Flip, { expected, acknowledged }: FlipPublication, { now, config }: TransitionContext): Change {
  const reason = `${acknowledged} of ${expected} units acknowledged it.`;
  return {
    patch: {
      status: 'idle',
      flip: null,
      last_flip: endOf(flip, 'done', now, reason),
      cooldown_until: now + config.cooldown.after_flip_ms,
    },
    events: [{ event: 'flip_done', data: { id: flip.id, expected, acknowledged }, evidence: flip.evidence, reason }],
  };
}

function undone(state: CutoverState, flip: Flip, context: TransitionContext): Change {
  const { publication } = requirePublished(state);
  const { expected, acknowledged, previous_percent } = publication;
  const reason = `${acknowledged ?? 'No'} of ${expected ?? 'an unknown number of'} units acknowledged it in time.`;
  const event: EventDraft = {
    event: 'flip_undone',
    data: { id: flip.id, expected, acknowledged },
    evidence: flip.evidence,
    reason,
    loud: true,
  };
  return {
    patch: {
      ...enterStage(state, flip.from, context),
      // Releases that were counted before a flip to 3 still count when it did not come about.
      release_cycles: state.release_cycles,
      cohort: { ...state.cohort, percent: previous_percent },
      status: 'idle',
      flip: null,
      last_flip: endOf(flip, 'undone', context.now, reason),
      cooldown_until: context.now + context.config.cooldown.after_rollback_ms,
    },
    events: [event],
  };
}

function fallbackExpiry(state: CutoverState, now: number): Change | null {
  if (state.fallback === null || now < state.fallback.expires_at) return null;
  const reason = 'The emergency fallback has expired.';
  return {
    patch: { fallback: null, release_cycles: { at_zero: 0, releases: [], since: now } },
    events: [{ event: 'fallback_expired', data: { incident: state.fallback.incident }, reason, loud: true }],
  };
}

function requirePublished(state: CutoverState): { readonly flip: Flip; readonly publication: FlipPublication } {
  const { flip } = state;
  if (flip === null || flip.publication === null) return refuse('not_now', 'No flip has been published.');
  return { flip, publication: flip.publication };
}
