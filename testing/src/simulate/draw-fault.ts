import type { Chance } from './chance.ts';
import type { CrashPoint, CrashStep, Fault, FaultKind, Settings } from './plan.ts';

type Draw<Kind extends FaultKind> = (
  chance: Chance,
  stream: string,
  settings: Settings,
) => Omit<Extract<Fault, { do: Kind }>, 'do'>;

/** How each kind of fault is drawn; a kind without an entry does not compile. */
const draws: { readonly [Kind in FaultKind]: Draw<Kind> } = {
  cut: (chance) => ({ code: chance.pick([1006, 1006, 1006, 1001, 1011, 1012, 1013]) }),
  'half-open': () => ({}),
  slow: (chance) => ({ forMs: chance.whole(500, 8_000), latencyMs: chance.pick([300, 1_500, 4_000]) }),
  duplicate: (chance) => ({ frames: chance.whole(1, 6) }),
  reorder: (chance) => ({ frames: chance.whole(1, 6) }),
  corrupt: (chance) => ({
    how: chance.pick(['cut-short', 'unknown-tag', 'noise', 'payload', 'payload']),
    frames: chance.whole(1, 2),
  }),
  restart: (chance) => ({
    downMs: chance.whole(0, 6_000),
    answer: chance.pick<'cut' | 'lost' | 503>(['cut', 'lost', 503]),
    rebuilt: chance.maybe(0.3),
    content: chance.pick(['same', 'other']),
  }),
  epoch: (chance, stream) => {
    const events = chance.whole(0, 12);
    return {
      stream,
      notice: chance.maybe(0.4),
      events,
      firstKept: chance.maybe(0.3) ? chance.whole(1, events + 1) : 1,
    };
  },
  retention: (chance, stream) => ({ stream, keep: chance.whole(0, 8) }),
  expire: (chance) => ({ forMs: chance.pick([0, 0, 3_000, 10_000]) }),
  refuse: (chance) => ({ status: chance.pick([401, 401, 401, 403, 429, 500, 503]), times: chance.whole(1, 3) }),
  rotate: (chance) => ({ overlapMs: chance.pick([0, 0, 3_000]), lagMs: chance.pick([0, 0, 2_000, 8_000]) }),
  'token-fails': (chance) => ({
    how: chance.pick(['retry', 'retry', 'refused', 'throws']),
    times: chance.whole(1, 4),
  }),
  'token-hangs': (chance) => ({ times: chance.whole(1, 2) }),
  reject: (chance) => ({
    text: chance.pick([
      'unavailable: starting',
      'token_expired: over',
      'rate_limited: slowly',
      'forbidden: not you',
      'upgrade_required: too old',
    ]),
    forMs: chance.whole(500, 6_000),
  }),
  clock: (chance) => ({ byMs: chance.pick([-3_600_000, -30_000, -1_000, 1_000, 30_000, 3_600_000]) }),
  suspend: (chance) => ({
    forMs: chance.pick([500, 5_000, 30_000, 600_000]),
    monotonic: chance.pick(['stands', 'leaps']),
    sockets: chance.pick(['kept', 'half-open', 'cut']),
  }),
  crash: (chance) => ({
    by: chance.pick(['kill', 'power']),
    step: chance.pick<CrashStep>(['now', 'commit', 'commit', 'commit', 'reset', 'quarantine']),
    point: chance.pick<CrashPoint>(['before', 'torn', 'stored', 'told']),
    share: chance.next(),
    downMs: chance.pick([0, 200, 5_000]),
  }),
  stop: (chance) => ({ downMs: chance.pick([0, 200, 5_000]) }),
  'store-fails': (chance) => ({
    code: chance.pick(['disk_full', 'disk_full', 'io_error', 'locked']),
    times: chance.whole(1, 3),
  }),
  'disk-full': (chance) => ({ forMs: chance.whole(1_000, 10_000) }),
  'pages-fail': (chance) => ({ how: chance.pick(['trap', 'garbage', 'empty']), times: chance.whole(1, 4) }),
  'lost-watch': (_chance, stream) => ({ stream }),
  'lost-query': () => ({}),
  revoke: (chance, stream) => ({ stream, forMs: chance.whole(0, 8_000) }),
};

/** Every kind of fault. */
export const faultKinds = Object.keys(draws) as [FaultKind, ...FaultKind[]];

/** A fault of a kind. */
export function drawFault(
  kind: FaultKind,
  chance: Chance,
  ids: readonly [string, ...string[]],
  settings: Settings,
): Fault {
  // The table above ties each kind to its own fields; the compiler cannot follow that through one call.
  return { do: kind, ...draws[kind](chance, chance.pick(ids), settings) } as Fault;
}
