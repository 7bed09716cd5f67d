import { canonicalJson, type PayloadHash, payloadHash, SyncError } from '@autopilot/sync-contract';
import { CutoverError } from '../errors.ts';
import type { Change, Handlers } from './change.ts';
import type { CommandType, CutoverCommand, TransitionContext } from './command.ts';
import type { CutoverConfig } from './config.ts';
import { backHandlers } from './handle-back.ts';
import { emergencyHandlers } from './handle-emergency.ts';
import { flipHandlers } from './handle-flip.ts';
import { ledgerHandlers } from './handle-ledger.ts';
import { observeHandlers } from './handle-observe.ts';
import { requestHandlers } from './handle-request.ts';
import { parseCommand } from './parse-command.ts';
import { placeOf } from './place.ts';
import { policyOf } from './policy-of.ts';
import type { TransitionResult } from './result.ts';
import type { CutoverEvent, CutoverState } from './state.ts';
import { transitionTable } from './table.ts';

const handlers: Handlers<CommandType> = {
  ...requestHandlers,
  ...flipHandlers,
  ...backHandlers,
  ...emergencyHandlers,
  ...ledgerHandlers,
  ...observeHandlers,
};

/** How many answers are remembered: an older key is a new command, which its revision then refuses. */
const mostAnswers = 64;

/**
 * Applies one command. Pure and total: the same arguments give the same result, and whatever the command holds, the
 * answer is a new state or a refusal. The state has to be one of `initialState` or an earlier transition.
 */
export function transition(state: CutoverState, command: CutoverCommand, context: TransitionContext): TransitionResult {
  try {
    return apply(state, parseCommand(command), context);
  } catch (error) {
    if (error instanceof CutoverError) return { ok: false, refusal: error };
    if (error instanceof SyncError) {
      const message = 'The command, the evidence or the configuration holds what JSON cannot carry.';
      return { ok: false, refusal: new CutoverError('invalid_command', message, { cause: error }) };
    }
    throw error;
  }
}

function apply(state: CutoverState, command: CutoverCommand, context: TransitionContext): TransitionResult {
  if (!Number.isSafeInteger(context.now) || context.now < 0 || context.actor === '') {
    throw new CutoverError('invalid_command', 'The context has no sound time or no actor.');
  }
  const { revision: _, ...lasting } = command;
  const digest = payloadHash({ actor: context.actor, command: lasting });
  const answer = state.answers.find((each) => each.key === command.idempotency_key);
  if (answer !== undefined) {
    if (answer.digest !== digest) {
      throw new CutoverError('idempotency_conflict', `The key ${answer.key} was used for another command.`);
    }
    return { ok: true, state, events: [], revision: answer.revision, replayed: true, answered: answer.events };
  }
  if (command.revision !== state.revision) {
    throw new CutoverError('state_conflict', `The revision is ${state.revision}, not ${command.revision}.`, {
      details: { revision: state.revision },
    });
  }
  const cell = transitionTable[state.status][command.type];
  if (cell.refused !== undefined) {
    const message = `The command ${command.type} has no place while the cutover is ${state.status}.`;
    throw new CutoverError(cell.refused, message, { details: { status: state.status } });
  }
  // The type of the handler depends on that of the command, which the compiler cannot follow through the index.
  const handler = handlers[command.type] as (s: CutoverState, c: CutoverCommand, x: TransitionContext) => Change;
  const change = handler(state, command, context);
  const result = publish(state, change, command, digest, context);
  if (!cell.to.includes(result.state.status)) {
    throw new Error(
      `${command.type} led from ${state.status} to ${result.state.status}, which the table does not have.`,
    );
  }
  return result;
}

function publish(
  state: CutoverState,
  { patch, events: drafts }: Change,
  command: CutoverCommand,
  digest: PayloadHash,
  { actor, now }: TransitionContext,
): TransitionResult & { readonly ok: true } {
  if (Object.keys(patch).length === 0) {
    return { ok: true, state, events: [], revision: state.revision, replayed: false, answered: [] };
  }
  const revision = state.revision + 1;
  const patched: CutoverState = { ...state, ...patch, revision };
  const visible = policyText(patched) !== policyText(state);
  const next: CutoverState = visible ? { ...patched, policy_revision: revision, policy_changed_at: now } : patched;
  const events = drafts.map(
    ({ event, data = {}, evidence = [], loud = false, reason = command.reason }): CutoverEvent => {
      return { at: now, actor, event, revision, from: placeOf(state), to: placeOf(next), reason, evidence, data, loud };
    },
  );
  const { idempotency_key: key } = command;
  const answers =
    key === null ? state.answers : [...state.answers, { key, digest, revision, events }].slice(-mostAnswers);
  return { ok: true, state: { ...next, answers }, events, revision, replayed: false, answered: events };
}

/** What units see of a state. */
function policyText(state: CutoverState): string {
  return canonicalJson({ ...policyOf(state), revision: 0, issued_at: 0 });
}

/** When `timeout` is next due, milliseconds since the Unix epoch; null when nothing of the state expires. */
export function nextDue(state: CutoverState, config: CutoverConfig): number | null {
  const times: number[] = [];
  if (state.flip?.publication) times.push(state.flip.publication.deadline);
  else if (state.flip !== null) times.push(state.flip.requested_at + config.request_ttl_ms);
  if (state.fallback !== null) times.push(state.fallback.expires_at);
  return times.length === 0 ? null : Math.min(...times);
}
