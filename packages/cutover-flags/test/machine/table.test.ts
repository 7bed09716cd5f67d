import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type CommandType,
  type CutoverStatus,
  cutoverErrors,
  type TransitionResult,
  transition,
  transitionTable,
} from '../../src/index.ts';
import { Cutover, hour } from '../support/cutover.ts';

const statuses = ['idle', 'requested', 'approved', 'flipping', 'sealed'] as const;
const commands = Object.keys(transitionTable.idle) as CommandType[];

/** A cutover in Stage 2 in a status, with whatever the commands need to find: a fallback, waivers, a hold. */
function inStatus(status: CutoverStatus, to: 3 | 'sealed' = 3): Cutover {
  const key = `${status} ${to}`;
  const known = walked.get(key) ?? walk(status, to);
  walked.set(key, known);
  return new Cutover().resume(known);
}

const walked = new Map<string, Cutover>();

function walk(status: CutoverStatus, to: 3 | 'sealed'): Cutover {
  const cutover = Cutover.at(to === 3 ? 2 : 3);
  if (to === 3) cutover.releases();
  cutover.later(hour);
  if (status === 'requested') cutover.do({ type: 'propose', id: 'flip', to });
  else if (status !== 'idle') cutover.approved(to, 'flip');
  if (status === 'flipping') cutover.do({ type: 'advance', id: 'flip', drain: false });
  if (status === 'sealed') cutover.do({ type: 'seal', id: 'flip' });
  return cutover;
}

/** A command of each type that is in order, as far as the status allows it. */
function order(cutover: Cutover, type: CommandType): TransitionResult {
  const { now } = cutover;
  const expires_at = now + hour;
  const bodies: Record<CommandType, object> = {
    propose: { id: 'flip', to: 3 },
    approve: { id: 'flip', plan_digest: cutover.plan(cutover.state.flip?.to ?? 3).digest },
    withdraw: { id: 'flip' },
    advance: { id: 'flip', drain: false },
    acknowledge: { expected: 10, acknowledged: 1 },
    timeout: {},
    rollback: { target: { kind: 'stage', stage: 1, percent: null }, drain: true },
    set_cohort: { change: { percent: null, cap: 5, include: null, exclude: null }, drain: false },
    fallback_start: { incident: 'INC', operator: 'olga', expires_at, units: 'all' },
    fallback_end: {},
    waive: { id: 'w', gate: 'rulebook', owner: 'dave', expires_at },
    waive_end: { id: 'w' },
    emergency_force: { id: 'force', to: 3, incident: 'INC', operator: 'olga', expires_at, drain: true },
    emergency_clear: { id: 'e' },
    observe: { signals: { lag_events_p95: 300 } },
    release_hold: { trigger: 't' },
    release_cycle: { release: '9' },
    seal: { id: 'flip' },
  };
  return cutover.try({ type, ...bodies[type] } as never, 'dan');
}

// Commands that are in their place in the status, but not in Stage 2 with nothing to end or to clear.
const misplaced: Partial<Record<CommandType, string>> = {
  timeout: 'not_due',
  set_cohort: 'wrong_stage',
  fallback_end: 'unknown_id',
  waive_end: 'unknown_id',
  emergency_force: 'wrong_stage',
  emergency_clear: 'unknown_id',
  release_hold: 'unknown_id',
  release_cycle: 'not_due',
};

describe('the table', () => {
  test('M17 has a cell for every status and command', () => {
    expect(commands).toHaveLength(18);
    for (const status of statuses) expect(Object.keys(transitionTable[status]).sort()).toEqual([...commands].sort());
  });

  describe.each(statuses)('M17 %s', (status) => {
    test.each(commands)('M17 %s', (type) => {
      const cell = transitionTable[status][type];
      const cutover = inStatus(
        status,
        status === 'sealed' || (type === 'seal' && status === 'approved') ? 'sealed' : 3,
      );
      const before = cutover.state;
      const result = order(cutover, type);
      if (!result.ok) {
        expect(cutover.state).toBe(before);
        expect(result.refusal.code).toBe(cell.refused ?? misplaced[type]);
        expect(result.refusal.next).toBe(cutoverErrors[result.refusal.code].next);
        return;
      }
      expect(cell.refused).toBeUndefined();
      expect(cell.to).toContain(result.state.status);
      // Stage 3 is published while flipping to it, and has no triggers: an observation changes nothing there.
      const silent = type === 'observe' && status === 'flipping';
      expect(result.state.revision).toBe(before.revision + (silent ? 0 : 1));
    });
  });

  test('M17 whatever is sent, the answer is a refusal that says what is wrong', () => {
    const cutover = new Cutover();
    const context = { actor: 'alice', now: cutover.now, config: cutover.config, evidence: cutover.currentEvidence() };
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.record({ type: fc.constantFrom(...commands), revision: fc.constant(1), id: fc.anything() }),
        ),
        (value) => {
          const result = transition(cutover.state, value as never, context);
          expect(result).toMatchObject({ ok: false, refusal: { code: 'invalid_command' } });
        },
      ),
    );
  });

  test.each([
    ['no time', { now: Number.NaN }],
    ['half a millisecond', { now: 0.5 }],
    ['nobody', { actor: '' }],
    ['versions that are no text', { evidence: { packages: { a: '\ud800' } } }],
  ])('M17 a context with %s is refused', (_name, patch) => {
    const cutover = new Cutover();
    const evidence = { ...cutover.currentEvidence(), ...('evidence' in patch ? patch.evidence : {}) };
    const context = { actor: 'alice', now: cutover.now, config: cutover.config, ...patch, evidence };
    const command = { type: 'propose', id: 'x', to: 1, revision: 1, idempotency_key: null, reason: 'r' } as const;
    expect(transition(cutover.state, command, context)).toMatchObject({
      ok: false,
      refusal: { code: 'invalid_command' },
    });
  });

  test('M17 the two commands that carry out a request do not stand in for each other', () => {
    const flip = inStatus('approved');
    expect(flip.refused({ type: 'seal', id: 'flip' })).toBe('not_now');
    const seal = inStatus('approved', 'sealed');
    expect(seal.refused({ type: 'advance', id: 'flip', drain: false })).toBe('not_now');
  });
});
