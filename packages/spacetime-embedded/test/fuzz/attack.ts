import { startEmbedded } from '../../src/start-embedded.ts';
import { bundleFixture } from '../support/bundle.ts';
import { Attacker } from './attacker.ts';
import { Canaries } from './canaries.ts';
import { seeded } from './hostile-frames.ts';
import { HonestClient } from './honest-client.ts';

/** What an attack is made of. */
export interface AttackOptions {
  readonly frames: number;
  /** The same seed sends the same frames; how the clients of one attack fall in with each other it does not decide. */
  readonly seed: number;
  readonly attackers?: number;
  readonly honest?: number;
  /** Told how many frames have been sent, now and then. */
  readonly progress?: (frames: number) => void;
}

/** What an attack that the host has survived came to. */
export interface AttackReport {
  readonly frames: number;
  readonly connections: number;
  readonly replies: number;
  /** Rounds in which an honest client did what it came for, and saw its own alone. */
  readonly honestRounds: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** How connections ended, by code; `left` was the attacker's own doing. */
  readonly endings: Readonly<Record<string, number>>;
}

/**
 * Attacks a host of its own, the whole of it with a module on a real socket, while honest clients go about their work.
 *
 * @throws {Error} when anybody gets a text of somebody else, an answer is missing or wrong, a connection ends otherwise
 * than the protocol has it, an honest client is disturbed, or the host reports a fault of its own.
 */
export async function attack(options: AttackOptions): Promise<AttackReport> {
  const { frames, seed, attackers = 4, honest = 3, progress = () => undefined } = options;
  const faults: unknown[] = [];
  const host = await startEmbedded({
    module: await bundleFixture('hostile'),
    database: 'attacked',
    listen: '127.0.0.1:0',
    onError: (error) => faults.push(error),
    // A machine that holds this process up for half a minute is no client that has gone silent.
    limits: { idleTimeout: 3_600_000 },
  });
  const canaries = new Canaries();
  const token = async () => {
    // On a connection of its own: one that was kept may be closed by the host while this process is held up.
    const response = await fetch(`${host.url}/v1/identity`, { method: 'POST', headers: { connection: 'close' } });
    return ((await response.json()) as { token: string }).token;
  };
  const next = seeded(seed);
  const member = async (name: string) => {
    const random = Array.from({ length: 16 }, () => next(16).toString(16)).join('');
    return {
      name,
      token: await token(),
      port: host.port,
      database: 'attacked',
      canaries,
      own: canaries.hatch(name, random),
    };
  };
  const victims: HonestClient[] = [];
  const others: Attacker[] = [];
  try {
    for (let index = 0; index < honest; index += 1) {
      victims.push(await HonestClient.connect(await member(`honest ${index}`)));
    }
    let sent = 0;
    for (let index = 0; index < attackers; index += 1) {
      const dice = seeded(seed + 7919 * (index + 1));
      others.push(new Attacker(await member(`attacker ${index}`), dice));
    }
    const share = Math.ceil(frames / attackers);
    await Promise.all(
      others.map(async (attacker) => {
        const dice = seeded(seed ^ (0x5bd1e995 * (others.indexOf(attacker) + 1)));
        for (let left = share; left > 0; ) {
          const burst = await attacker.burst(Math.min(left, 1 + dice(24)));
          left -= burst;
          sent += burst;
          progress(sent);
          if (faults.length > 0) throw new Error('The host reports a fault of its own.', { cause: faults[0] });
          if (dice(8) === 0) await victims[dice(honest)]?.round();
        }
        attacker.leave();
      }),
    );
    for (const victim of victims) {
      await victim.round();
      await victim.verify();
    }
    // Whoever is gone has been disconnected: the module has forgotten them too.
    await victims[0]?.seesVisits(host, honest);
  } finally {
    for (const one of [...victims, ...others]) one.leave();
    await host.close();
  }
  if (faults.length > 0) throw new Error('The host reports a fault of its own.', { cause: faults[0] });
  const sum = (of: (attacker: Attacker) => number) => others.reduce((total, attacker) => total + of(attacker), 0);
  return {
    frames: sum(({ frames: count }) => count),
    connections: sum(({ connections }) => connections),
    replies: sum(({ replies }) => replies),
    honestRounds: victims.reduce((total, { rounds }) => total + rounds, 0),
    byKind: added(others.map(({ byKind }) => byKind)),
    endings: added(others.map(({ endings }) => endings)),
  };
}

function added(maps: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const all = new Map<string, number>();
  for (const map of maps) for (const [name, count] of map) all.set(name, (all.get(name) ?? 0) + count);
  return Object.fromEntries([...all].sort(([one], [other]) => one.localeCompare(other)));
}
