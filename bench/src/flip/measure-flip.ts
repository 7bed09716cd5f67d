import { setTimeout as pause } from 'node:timers/promises';
import { cpuSecondsOf } from '../measure/cpu-seconds.ts';
import type { Operators } from './operators.ts';

/** When control had heard so many of the units, milliseconds since the answer of `advance`. */
export interface FlipTimes {
  readonly half: number;
  readonly most: number;
  readonly all: number;
  readonly done: number;
  /** CPU seconds of control from the request to advance until it was done. */
  readonly cpu: number;
}

/** How often control is asked for its state. */
const lookEvery = 50;

/** Advances an approved request and waits until every unit has acknowledged it. */
export async function measureFlip(
  operators: Operators,
  id: string,
  units: number,
  controlPid: number,
  advanced: () => void,
): Promise<FlipTimes> {
  const cpuBefore = cpuSecondsOf(controlPid);
  await operators.advance(id);
  const start = performance.now();
  advanced();
  let half = Number.NaN;
  let most = Number.NaN;
  for (;;) {
    const state = await operators.state();
    const at = performance.now() - start;
    const finished = state.status !== 'flipping';
    if (finished && (state.last_flip?.id !== id || state.last_flip.outcome !== 'done')) {
      throw new Error(`The flip was not done: ${state.last_flip?.outcome} (${state.last_flip?.reason})`);
    }
    const acknowledged = finished ? units : (state.flip?.publication?.acknowledged ?? 0);
    if (Number.isNaN(half) && acknowledged >= units / 2) half = at;
    if (Number.isNaN(most) && acknowledged >= units * 0.99) most = at;
    if (finished) {
      const { reason } = state.last_flip ?? { reason: '' };
      if (!reason.startsWith(`${units} of ${units} `)) throw new Error(`Not every unit was heard: ${reason}`);
      return { half, most, all: at, done: at, cpu: cpuSecondsOf(controlPid) - cpuBefore };
    }
    await pause(lookEvery);
  }
}
