import type { CutoverErrorCode } from '../errors.ts';
import type { CommandType } from './command.ts';
import type { CutoverStatus } from './state.ts';

/** What a command may lead to in a status: the statuses that may follow, or the code it is refused with. */
export type Cell =
  | { readonly to: readonly CutoverStatus[]; readonly refused?: never }
  | { readonly refused: Extract<CutoverErrorCode, 'not_now' | 'approvals_missing' | 'sealed'>; readonly to?: never };

const to = (...statuses: readonly CutoverStatus[]): Cell => ({ to: statuses });
const notNow: Cell = { refused: 'not_now' };
const sealed: Cell = { refused: 'sealed' };
const waiting = to('requested', 'approved');

/**
 * Every status by every command. The type is total: a new status or command does not compile before each of its cells
 * is decided.
 */
export const transitionTable: Readonly<Record<CutoverStatus, Readonly<Record<CommandType, Cell>>>> = {
  idle: {
    propose: to('requested', 'approved'),
    approve: notNow,
    withdraw: notNow,
    advance: notNow,
    acknowledge: notNow,
    timeout: to('idle'),
    rollback: to('idle'),
    set_cohort: to('idle'),
    fallback_start: to('idle'),
    fallback_end: to('idle'),
    waive: to('idle'),
    waive_end: to('idle'),
    emergency_force: to('idle'),
    emergency_clear: to('idle'),
    observe: to('idle'),
    release_hold: to('idle'),
    release_cycle: to('idle'),
    seal: notNow,
  },
  requested: {
    propose: notNow,
    approve: waiting,
    withdraw: to('idle'),
    advance: { refused: 'approvals_missing' },
    acknowledge: notNow,
    timeout: to('idle', 'requested', 'approved'),
    rollback: to('idle'),
    set_cohort: notNow,
    fallback_start: to('requested'),
    fallback_end: to('requested'),
    waive: to('requested'),
    waive_end: to('requested'),
    emergency_force: to('idle'),
    emergency_clear: to('requested'),
    observe: to('requested', 'idle'),
    release_hold: to('requested'),
    release_cycle: to('requested'),
    seal: { refused: 'approvals_missing' },
  },
  approved: {
    propose: notNow,
    approve: waiting,
    withdraw: to('idle'),
    advance: to('flipping'),
    acknowledge: notNow,
    timeout: to('idle', 'requested', 'approved'),
    rollback: to('idle'),
    set_cohort: notNow,
    fallback_start: to('approved'),
    fallback_end: to('approved'),
    waive: to('approved'),
    waive_end: to('approved'),
    emergency_force: to('idle'),
    emergency_clear: to('approved'),
    observe: to('approved', 'idle'),
    release_hold: to('approved'),
    release_cycle: to('approved'),
    seal: to('sealed'),
  },
  flipping: {
    propose: notNow,
    approve: notNow,
    withdraw: notNow,
    advance: notNow,
    acknowledge: to('flipping', 'idle'),
    timeout: to('idle'),
    rollback: to('idle'),
    set_cohort: notNow,
    fallback_start: notNow,
    fallback_end: notNow,
    waive: notNow,
    waive_end: notNow,
    emergency_force: notNow,
    emergency_clear: notNow,
    observe: to('flipping', 'idle'),
    release_hold: to('flipping'),
    release_cycle: notNow,
    seal: notNow,
  },
  sealed: {
    propose: sealed,
    approve: sealed,
    withdraw: sealed,
    advance: sealed,
    acknowledge: sealed,
    timeout: sealed,
    rollback: sealed,
    set_cohort: sealed,
    fallback_start: sealed,
    fallback_end: sealed,
    waive: sealed,
    waive_end: sealed,
    emergency_force: sealed,
    emergency_clear: sealed,
    observe: sealed,
    release_hold: sealed,
    release_cycle: sealed,
    seal: sealed,
  },
};
