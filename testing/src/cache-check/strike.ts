import type { FaultKind } from './faults.ts';
import { pause } from './pause.ts';
import type { SeededRandom } from './random.ts';
import type { OwnServer } from './server.ts';
import type { Subscriber } from './subscriber.ts';

/** Most faults are short; some outlast the patience of a client (four seconds, see session-options.ts). */
function duration(random: SeededRandom): number {
  return random.between(1, 6) === 1 ? random.between(4500, 6000) : random.between(200, 1800);
}

/** Strikes a subscriber and heals it again. False when there was nothing to strike, or it had no effect. */
export async function breakSubscriber(
  target: Subscriber,
  kind: FaultKind,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<boolean> {
  const { proxy } = target;
  switch (kind) {
    case 'kill':
      await target.kill();
      await pause(random.between(0, 800), signal);
      target.restart();
      return true;
    case 'stop':
      await target.stop();
      await pause(duration(random), signal);
      target.resume();
      return true;
    case 'cut':
      return proxy.cutAll() > 0;
    case 'partial': {
      const { cut } = proxy.counters();
      proxy.cutAfter(random.between(1, 4000));
      const deadline = performance.now() + 3000;
      while (performance.now() < deadline && proxy.counters().cut === cut && !signal.aborted) await pause(10, signal);
      if (proxy.counters().cut > cut) return true;
      proxy.cutAfter(Number.POSITIVE_INFINITY);
      return false;
    }
    case 'delay': {
      const before = proxy.counters().bytes_to_client;
      proxy.delay(random.between(50, 700));
      await pause(duration(random) + 1000, signal);
      proxy.delay(0);
      return proxy.counters().bytes_to_client > before;
    }
    case 'stall':
      if (proxy.counters().open === 0) return false;
      proxy.pause();
      await pause(duration(random), signal);
      proxy.resume();
      return true;
    case 'half-open':
      return proxy.strandAll() > 0;
    case 'kill-server':
    case 'stop-server':
      throw new Error(`${kind} does not strike a subscriber`);
  }
}

/** Strikes the server and heals it again. */
export async function breakServer(
  server: OwnServer,
  kind: FaultKind,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<boolean> {
  if (kind === 'kill-server') {
    await server.kill();
    await pause(random.between(0, 600), signal);
    await server.start();
  } else {
    await server.stop();
    await pause(duration(random), signal);
    server.resume();
  }
  return true;
}
