import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  routerEvents,
  routerPhases,
  routerStep,
  routerTable,
  routerTableAsMarkdown,
} from '../../src/comms/router-machine.ts';
import { type JoinRelation, joinRelation, joinTable } from '../../src/comms/stream-join.ts';

const spec = readFileSync(path.join(import.meta.dirname, '..', '..', 'src', 'comms', 'SPEC.md'), 'utf8');

describe('the table of the router', () => {
  test('is the one of SPEC.md', () => {
    const cells = (text: string) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('|'))
        .map((line) => line.split('|').map((cell) => cell.trim().replace(/^-+$/, '-')));
    const written = /<!-- table -->([\s\S]*)<!-- \/table -->/.exec(spec)?.[1] ?? '';
    expect(cells(written)).toEqual(cells(routerTableAsMarkdown()));
    for (const phase of routerPhases) expect(spec).toMatch(new RegExp(`^\\| ${phase} `, 'm'));
  });

  test('every phase but closed can be closed, and nothing leads out of closed', () => {
    for (const phase of routerPhases) {
      expect([phase, routerStep(phase, 'close')?.to]).toEqual([phase, phase === 'closed' ? undefined : 'closed']);
    }
    expect(routerTable.closed).toEqual({});
  });

  test('H5: only a lane that is ready takes over, and only while it is prepared', () => {
    for (const phase of routerPhases) {
      for (const event of routerEvents) {
        const isSwitch = routerStep(phase, event)?.effect === 'switch';
        expect([phase, event, isSwitch]).toEqual([phase, event, phase === 'preparing' && event === 'ready']);
      }
    }
  });

  test('every decision has a meaning in every running phase, so that none is ever left out', () => {
    for (const phase of ['steady', 'keeping', 'damped', 'preparing', 'retrying'] as const) {
      for (const event of ['same', 'keep', 'move', 'wait'] as const) {
        expect([phase, event, routerStep(phase, event) !== undefined]).toEqual([phase, event, true]);
      }
      expect(routerStep(phase, 'same')?.to).toBe('steady');
      expect(routerStep(phase, 'keep')?.to).toBe('keeping');
    }
  });
});

describe('the relation of a span to a position', () => {
  const position = fc.option(fc.record({ epoch: fc.constantFrom('e1', 'e2'), seq: fc.bigInt({ min: 0n, max: 9n }) }), {
    nil: null,
  });
  const span = fc.tuple(position, fc.bigInt({ min: 0n, max: 9n }), fc.boolean()).map(([start, more, moved]) => ({
    start,
    end: moved || start !== null ? { epoch: start?.epoch ?? 'e1', seq: (start?.seq ?? 0n) + more } : null,
  }));
  const facts = fc.record({
    span,
    position,
    mark: position,
    confirmed: fc.boolean(),
    refused: fc.boolean(),
    differs: fc.boolean(),
  });

  test('H1 H2: is one of the table for every input, and nothing but wait stands where something could be lost', () => {
    const seen = new Set<JoinRelation>();
    fc.assert(
      fc.property(facts, (input) => {
        const relation = joinRelation(input);
        seen.add(relation);
        const action = joinTable[relation];
        const at = input.position;
        if (action === 'wait' || input.refused || at === null || at.seq === 0n) return;
        expect(input.confirmed).toBe(true);
        const { start, end } = input.span;
        // A lane that takes over can bring the very next event: it has reached it, or began before it.
        expect(end?.epoch).toBe(at.epoch);
        expect((start?.epoch === at.epoch ? start.seq : 0n) <= at.seq).toBe(true);
        expect(input.differs).toBe(false);
        if (action === 'continue') expect(end?.seq).toBe(at.seq);
        if (action === 'rewind') expect((end?.seq ?? 0n) > at.seq).toBe(true);
        if (action === 'trim') expect((end?.seq ?? 0n) >= (input.mark?.seq ?? 0n)).toBe(true);
      }),
      { numRuns: 3000, seed: 11 },
    );
    expect([...seen].sort()).toEqual(Object.keys(joinTable).sort());
  });

  test('H17: a known difference turns every way to take over into waiting, and nothing else', () => {
    fc.assert(
      fc.property(facts, (input) => {
        const without = joinRelation({ ...input, differs: false });
        const known = joinRelation({ ...input, differs: true });
        const nothingApplied = input.position === null || input.position.seq === 0n;
        const held = joinTable[without] !== 'wait' && !nothingApplied;
        expect(known).toBe(held ? 'differs' : without);
      }),
      { numRuns: 2000, seed: 12 },
    );
  });

  test('its words and actions are those of SPEC.md', () => {
    for (const [relation, action] of Object.entries(joinTable)) {
      expect(spec).toMatch(new RegExp(`^\\| ${relation} +\\|.*\\| ${action} +\\|$`, 'm'));
    }
  });
});
