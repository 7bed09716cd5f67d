import type { JsonObject } from '@autopilot/sync-contract';
import { CutoverError, type CutoverErrorCode } from '../errors.ts';
import type { CommandOf, CommandType, TransitionContext } from './command.ts';
import type { Plan } from './plan.ts';
import type { CutoverEventName, CutoverState, Flip, FlipOutcome } from './state.ts';

/** One event as a handler tells it; the rest is the same for all events of a transition. */
export interface EventDraft {
  readonly event: CutoverEventName;
  readonly data?: JsonObject;
  readonly evidence?: readonly string[];
  readonly loud?: boolean;
  /** When it is not that of the command. */
  readonly reason?: string;
}

/** What a handler wants: the members of the state that change, and what is told of it. */
export interface Change {
  readonly patch: Partial<CutoverState>;
  readonly events: readonly EventDraft[];
}

/** Decides on one type of command. Refuses by throwing a CutoverError. */
export type Handler<T extends CommandType> = (
  state: CutoverState,
  command: CommandOf<T>,
  context: TransitionContext,
) => Change;

/** Handlers of some commands. */
export type Handlers<T extends CommandType> = { readonly [Type in T]: Handler<Type> };

/** Refuses a command. */
export function refuse(code: CutoverErrorCode, message: string, details: JsonObject = {}): never {
  throw new CutoverError(code, message, { details });
}

/** Requires a time of expiry that is ahead, and not further than `longest`. */
export function requireExpiry(expiresAt: number, now: number, longest: number): void {
  const latest = now + longest;
  if (expiresAt <= now) refuse('invalid_command', 'The time of expiry has passed.', { path: 'expires_at' });
  if (expiresAt > latest) refuse('too_long', `The latest time of expiry is ${latest}.`, { latest });
}

/** How a flip ended. */
export function endOf(flip: Flip, outcome: FlipOutcome['outcome'], at: number, reason: string): FlipOutcome {
  return { id: flip.id, from: flip.from, to: flip.to, outcome, at, reason };
}

/** The flip under way with this id. */
export function requireFlip(state: CutoverState, id: string): Flip {
  if (state.flip?.id === id) return state.flip;
  return refuse('unknown_id', `No request ${id} is under way.`);
}

/** Digests of the receipts that a plan rests on, each once. */
export function evidenceOf(plan: Plan): Flip['evidence'] {
  return [...new Set(plan.requirements.flatMap((each) => each.evidence))];
}
