import { setTimeout as pause } from 'node:timers/promises';
import { cpuSecondsOf } from '../measure/cpu-seconds.ts';
import type { Exchange } from './exchange.ts';

/** One exchange of a recorded flip: when it began, milliseconds since the answer of `advance`. */
export interface Recorded {
  readonly at: number;
  readonly kind: 'policy' | 'heartbeat';
}

/** How long the same exchanges took. */
export interface Replayed {
  readonly milliseconds: number;
  /** CPU seconds of the server meanwhile. */
  readonly cpu: number;
}

/** What is sent again. */
export interface ReplayOptions {
  readonly exchange: Exchange;
  readonly pid: number;
  readonly recorded: readonly Recorded[];
  readonly pathOf: (index: number) => string;
  readonly bodyOf: (index: number) => string;
  /** At the times that were recorded, or all at once. */
  readonly paced: boolean;
}

/** Sends the exchanges of a flip again, without anything around them. */
export async function replay({ exchange, pid, recorded, pathOf, bodyOf, paced }: ReplayOptions): Promise<Replayed> {
  const cpuBefore = cpuSecondsOf(pid);
  const start = performance.now();
  const answers: Promise<void>[] = [];
  const one = async ({ kind }: Recorded, index: number) => {
    const { status } =
      kind === 'policy'
        ? await exchange.ask('GET', pathOf(index))
        : await exchange.ask('POST', '/v1/cutover/heartbeats', bodyOf(index));
    if (status !== 200) throw new Error(`An exchange of the replay was answered with ${status}.`);
  };
  for (const [index, each] of recorded.entries()) {
    if (paced) {
      const ahead = each.at - (performance.now() - start);
      if (ahead > 1) await pause(ahead);
    }
    answers.push(one(each, index));
  }
  await Promise.all(answers);
  return { milliseconds: performance.now() - start, cpu: cpuSecondsOf(pid) - cpuBefore };
}
