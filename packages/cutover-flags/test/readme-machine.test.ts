// The example under "Stage machine" of README.md, compiled and run; the last tests compare text, table and code.
import { readFileSync } from 'node:fs';
import {
  type AuditHead,
  type AuditRecord,
  appendAudit,
  auditGenesis,
  type CutoverCommand,
  type CutoverState,
  type CutoverStatus,
  createReceipt,
  type DsseEnvelope,
  defaultCutoverConfig,
  type GateObservation,
  initialState,
  type SigningKey,
  type TransitionContext,
  transition,
  transitionTable,
} from '@autopilot/cutover-flags';
import { tableUnder } from '@autopilot/testing/markdown-table';
import { expect, test } from '@jest/globals';
import { Cutover, ciKey, day, observation, start } from './support/cutover.ts';

/** In CI, where the gate ran. Throws when the observation holds what no receipt may carry, such as NaN. */
function receiptOf(seen: GateObservation, key: SigningKey): DsseEnvelope {
  return createReceipt(seen, key);
}

/** What a service keeps: write both parts in one transaction. */
interface Kept {
  readonly state: CutoverState;
  readonly audit: readonly AuditRecord[];
}

/** Applies one command. Throws the refusal; nothing has changed then. */
function apply({ state, audit }: Kept, command: CutoverCommand, context: TransitionContext): Kept {
  const result = transition(state, command, context);
  if (!result.ok) throw result.refusal;
  let head: AuditHead = audit.at(-1) ?? auditGenesis;
  const appended = result.events.map((event) => {
    const record = appendAudit(head, event);
    head = record;
    return record;
  });
  return { state: result.state, audit: [...audit, ...appended] };
}

test('the example keeps state and audit', () => {
  expect(receiptOf(observation('parity', start), ciKey).signatures).toHaveLength(1);
  const options = {
    deployment: 'production',
    salt: 's',
    stage: 0,
    now: start - 2 * day,
    config: defaultCutoverConfig,
  } as const;
  const kept: Kept = { state: initialState(options), audit: [] };
  const evidence = new Cutover().currentEvidence();
  const context = { actor: 'alice', now: start, config: defaultCutoverConfig, evidence };
  const header = { revision: 1, idempotency_key: 'k', reason: 'Ready.' };
  const command = { ...header, type: 'propose', id: 'first', to: 1 } as const;
  const next = apply(kept, command, context);
  expect(next).toMatchObject({
    state: { revision: 2, status: 'requested' },
    audit: [{ seq: 1, event: 'flip_requested' }],
  });
  expect(() => apply(kept, { ...command, to: 2 }, context)).toThrow('After Stage 0 comes Stage 1.');
});

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the example is the one of the README', () => {
  const [, section = ''] = readme.split('\n## Stage machine\n');
  const [, fenced = ''] = /```ts\n([\s\S]*?)```/.exec(section) ?? [];
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const blocks = fenced.split('\n\n').filter((block) => !block.startsWith('import'));
  expect(blocks.length).toBeGreaterThan(2);
  for (const block of blocks) expect(source).toContain(block.trim());
});

test('M17 the table of the specification is the one of the code', () => {
  const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
  const statuses = Object.keys(transitionTable) as CutoverStatus[];
  const commands = Object.keys(transitionTable.idle) as (keyof typeof transitionTable.idle)[];
  expect(tableUnder(spec, 'Statuses and commands')).toEqual(
    commands.map((command) => [
      command,
      ...statuses.map((status) => {
        const { refused, to = [] } = transitionTable[status][command];
        return refused ?? to.join(', ');
      }),
    ]),
  );
});
