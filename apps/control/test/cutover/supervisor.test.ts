import { type CutoverCommand, type CutoverState, defaultCutoverConfig, initialState } from '@autopilot/cutover-flags';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { createSupervisor, type SupervisorOptions } from '../../src/cutover/supervisor.ts';

test('K2 a flip that began while the supervisor looked does not run out of time before units were asked', async () => {
  const ports = manualPorts();
  const now = () => ports.clock.now();
  const config = { ...defaultCutoverConfig, flip: { ack_timeout_ms: 50, ack_ratio: 1 } };
  const before: CutoverState = initialState({ deployment: 'here', salt: 's', stage: 0, now: now(), config });
  const publication = { at: now(), deadline: now() + 50, policy_revision: 2, previous_percent: 0 };
  const flip = {
    id: 'f',
    from: 0,
    to: 1,
    requester: 'anna',
    reason: 'r',
    requested_at: now(),
    plan_digest: 'sha256:0',
  };
  const flipping = {
    ...before,
    status: 'flipping',
    flip: {
      ...flip,
      evidence: [],
      approvals: [],
      publication: { ...publication, expected: null, acknowledged: null },
    },
  } as unknown as CutoverState;
  let state = before;
  const commands: CutoverCommand['type'][] = [];
  // Only what a look needs: the rest of a control has no part in it.
  const cutover = {
    state: async () => {
      const seen = state;
      state = flipping;
      return seen;
    },
    command: async (_actor: string, { type }: CutoverCommand) => void commands.push(type),
    liveSince: async () => 0,
    liveUnits: async () => [],
  };
  const supervisor = createSupervisor({
    cutover,
    units: { acknowledged: async () => ({ expected: 2, acknowledged: 0 }) },
    drills: { open: async () => undefined },
    config,
    clock: { now, rate: 1, toWall: (time: number) => time, fromWall: (time: number) => time },
    wall: ports.clock,
    scheduler: ports.scheduler,
    logger: pino({ level: 'silent' }),
    signals: async () => ({}),
    seen: async () => ports.jump(60),
    every: 25,
    observeEvery: 50,
  } as unknown as SupervisorOptions);
  supervisor.start();
  await ports.advanceAsync(0);
  expect(commands).toEqual([]);
  await ports.advanceAsync(30);
  expect(commands).toEqual(['acknowledge', 'timeout']);
  await supervisor.stop();
});
