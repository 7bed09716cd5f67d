import { describe, expect, test } from '@jest/globals';
import { Sim } from '../../src/fake-host/sim.ts';
import { Machine } from '../../src/simulate/machine.ts';
import { Process } from '../../src/simulate/process.ts';

/** A machine with a process that notes what runs, and when by the time of the world. */
function made() {
  const sim = new Sim(1);
  const start = sim.now;
  const machine = new Machine(sim);
  const process = new Process(sim, machine, 1);
  const seen: [string, number][] = [];
  const note = (name: string) => void seen.push([name, sim.now - start]);
  const set = (name: string, ms: number) => process.ports.scheduler.after(ms, () => note(name));
  return { sim, start, machine, process, seen, note, set };
}

describe('the machine of the client', () => {
  test('the wall clock can be set, the monotonic one cannot', async () => {
    const { sim, start, machine } = made();
    machine.jump(-5_000);
    await sim.advance(100);
    expect([machine.now() - start, machine.monotonic()]).toEqual([-4_900, 100]);
  });

  test('a sleep through which the monotonic clock leaps makes timers overdue; they run in order on waking', async () => {
    const { sim, machine, process, seen, note, set } = made();
    set('first', 50);
    set('second', 60);
    set('later', 2_000);
    machine.sleep(1_000, 'leaps', () => note('woken'));
    await sim.advance(3_000);
    expect(seen).toEqual([
      ['woken', 1_000],
      ['first', 1_000],
      ['second', 1_000],
      ['later', 2_000],
    ]);
    expect(machine.monotonic()).toBe(3_000);
    expect(process.left.timers).toBe(0);
  });

  test('a sleep through which the monotonic clock stands still delays timers by itself', async () => {
    const { sim, start, machine, seen, set } = made();
    set('timer', 50);
    machine.sleep(1_000, 'stands', () => {});
    await sim.advance(3_000);
    expect(seen).toEqual([['timer', 1_050]]);
    expect([machine.monotonic(), machine.now() - start]).toEqual([2_000, 3_000]);
  });

  test('what arrives on waking does not overtake what had arrived before', async () => {
    const { sim, machine, seen, note } = made();
    sim.after(500, () => machine.run(() => note('in the sleep')));
    sim.after(1_000, () => machine.run(() => note('on waking')));
    machine.sleep(1_000, 'leaps', () => {});
    await sim.advance(2_000);
    expect(seen.map(([name]) => name)).toEqual(['in the sleep', 'on waking']);
  });

  test('nothing of a process that was killed runs any more', async () => {
    const { sim, process, seen, set } = made();
    set('timer', 50);
    const asked = process.answer(50, () => seen.push(['answer', 0]), undefined);
    void asked;
    process.kill();
    set('too late', 10);
    await sim.advance(1_000);
    expect([seen, process.left.timers, process.alive]).toEqual([[], 0, false]);
  });

  test('a request is answered, given up by its signal, or left open; only the last is left', async () => {
    const { sim, process } = made();
    const abort = new AbortController();
    const answered = process.answer(10, () => 'yes', undefined);
    const failed = process.answer(10, () => Promise.reject(new Error('no')), undefined);
    const givenUp = process.answer(undefined, () => 'never', abort.signal);
    void process.answer(undefined, () => 'never', undefined);
    expect(process.left.requests).toBe(4);
    abort.abort();
    await expect(givenUp).rejects.toThrow('given up');
    const refused = expect(failed).rejects.toThrow('no');
    await sim.advance(20);
    expect(await answered).toBe('yes');
    await refused;
    expect(process.left.requests).toBe(1);
  });
});
