import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { ProcessorShare } from '../../src/process/processor-share.ts';

/** A processor that is used as it is told, and a thread that sleeps. */
function make(share: number) {
  const ports = manualPorts();
  const world = { spent: 0, slept: 0 };
  const kept = new ProcessorShare(
    {
      ...ports,
      spentMs: () => world.spent,
      sleep: (milliseconds) => {
        world.slept += milliseconds;
        ports.advance(milliseconds);
      },
    },
    share,
  );
  /** So long, all of it busy. */
  const work = (milliseconds: number, steps: number) => {
    for (let step = 0; step < steps; step += 1) {
      world.spent += milliseconds;
      ports.advance(milliseconds);
    }
  };
  return { ports, world, kept, work };
}

describe('T8 a share of the processor', () => {
  test.each([0.1, 0.25, 0.5])('is kept by one who never rests: %d', (share) => {
    const { ports, world, kept, work } = make(share);
    kept.start();
    const began = ports.clock.monotonic();
    work(10, 500);
    const used = world.spent / (ports.clock.monotonic() - began);
    expect(used).toBeGreaterThan(share * 0.9);
    expect(used).toBeLessThan(share * 1.1);
    kept.stop();
    expect(ports.pending).toBe(0);
  });

  test('of one who used less nothing is taken, and little is saved up', () => {
    const { ports, world, kept, work } = make(0.1);
    kept.start();
    ports.advance(1_000);
    for (let turn = 0; turn < 100; turn += 1) {
      work(5, 1);
      ports.advance(95);
    }
    expect(world.slept).toBe(0);
    ports.advance(60_000);
    work(5, 20);
    // 100 ms with 20 saved up: the rest, less what came in meanwhile, is paid for tenfold.
    expect(world.slept).toBeGreaterThan(600);
    kept.stop();
  });

  test('one long turn is paid for by sleeps of bounded length, ten seconds of them and no more', () => {
    const { ports, world, kept } = make(0.1);
    kept.start();
    world.spent += 3_000;
    ports.advance(5);
    expect(world.slept).toBe(500);
    // Between two of them whatever waits has its turn.
    ports.advance(5);
    expect(world.slept).toBe(1_000);
    ports.advance(60_000);
    expect(world.slept).toBeGreaterThan(9_000);
    expect(world.slept).toBeLessThanOrEqual(10_000);
    kept.stop();
  });

  test('a whole processor is not watched, and none is refused', () => {
    const { ports, kept } = make(1);
    kept.start();
    expect(ports.pending).toBe(0);
    for (const share of [0, -1, Number.NaN]) expect(() => make(share)).toThrow('must be above 0');
  });
});
