import { describe, expect, test } from '@jest/globals';
import { type ManualPorts, manualPorts } from '../src/manual-ports.ts';

/** Notes what runs, and when. */
function noted(ports: ManualPorts): { readonly seen: [string, number][]; set(name: string, ms: number): () => void } {
  const seen: [string, number][] = [];
  const note = (name: string) => seen.push([name, ports.clock.monotonic()]);
  return { seen, set: (name, ms) => ports.scheduler.after(ms, () => void note(name)) };
}

describe('manual ports', () => {
  test('time stands still until it is moved, and both clocks move together', () => {
    const ports = manualPorts({ start: 5_000 });
    expect([ports.clock.now(), ports.clock.monotonic()]).toEqual([5_000, 0]);
    ports.advance(10);
    expect([ports.clock.now(), ports.clock.monotonic()]).toEqual([5_010, 10]);
  });

  test('what becomes due runs at its time, in order of time and then of being set', () => {
    const ports = manualPorts();
    const { seen, set } = noted(ports);
    set('late', 20);
    set('first', 10);
    set('second', 10);
    set('at once', -5);
    set('never', 21);
    ports.scheduler.after(10, () => void set('made on the way', 5));
    ports.advance(20);
    expect(seen).toEqual([
      ['at once', 0],
      ['first', 10],
      ['second', 10],
      ['made on the way', 15],
      ['late', 20],
    ]);
    expect([ports.clock.monotonic(), ports.pending]).toEqual([20, 1]);
  });

  test('what is taken back does not run', () => {
    const ports = manualPorts();
    const { seen, set } = noted(ports);
    const cancel = set('taken back', 10);
    set('kept', 10);
    cancel();
    cancel();
    ports.advance(10);
    expect(seen).toEqual([['kept', 10]]);
  });

  test('advanceAsync lets promises run before and after each timer', async () => {
    const ports = manualPorts();
    const { seen, set } = noted(ports);
    void Promise.resolve().then(() => set('set by a promise', 5));
    ports.scheduler.after(10, () => void Promise.resolve().then(() => set('set by a timer', 5)));
    await ports.advanceAsync(15);
    expect(seen).toEqual([
      ['set by a promise', 5],
      ['set by a timer', 15],
    ]);
  });

  test('jump runs nothing; what is overdue runs late, and never back in time', () => {
    const ports = manualPorts();
    const { seen, set } = noted(ports);
    set('overdue', 10);
    ports.jump(1000);
    expect(seen).toEqual([]);
    ports.advance(0);
    expect(seen).toEqual([['overdue', 1000]]);
  });

  test('runNext goes to the next timer, however far', () => {
    const ports = manualPorts();
    const { seen, set } = noted(ports);
    set('far', 3_600_000);
    expect(ports.runNext()).toBe(true);
    expect(seen).toEqual([['far', 3_600_000]]);
    expect(ports.runNext()).toBe(false);
  });

  test('chance is the same in every run, another with another seed, and fixed when asked for', () => {
    const draws = (ports: ManualPorts) => Array.from({ length: 50 }, () => ports.random.next());
    const one = draws(manualPorts());
    expect(draws(manualPorts())).toEqual(one);
    expect(draws(manualPorts({ seed: 2 }))).not.toEqual(one);
    expect(Math.min(...one)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...one)).toBeLessThan(1);
    expect(new Set(one).size).toBe(50);
    const fixed = manualPorts({ draw: 0.5 });
    expect(new Set(draws(fixed))).toEqual(new Set([0.5]));
    expect(fixed.random.bytes(8)).not.toEqual(fixed.random.bytes(8));
  });
});
