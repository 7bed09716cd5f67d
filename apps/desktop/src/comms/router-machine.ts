/**
 * Where the router is. `keeping`: decided otherwise, but the session keeps the lane it began with. `damped`: decided
 * otherwise, and waiting because lanes were changed a moment ago. `preparing`: the next lane is being made live beside
 * the present one. `retrying`: it did not become live in time; waiting before the next try.
 */
export const routerPhases = ['idle', 'steady', 'keeping', 'damped', 'preparing', 'retrying', 'closed'] as const;

/** A state of the router. */
export type RouterPhase = (typeof routerPhases)[number];

/**
 * What can happen. `same`: the decision names the present lane. `keep`, `move`, `wait`: it names the other one, and the
 * session keeps its lane, may move now, or may move when the damping is over. `due`: the waiting is over. `ready`: the
 * next lane can take over without loss. `failed`: it was given its time and cannot.
 */
export const routerEvents = ['start', 'same', 'keep', 'move', 'wait', 'due', 'ready', 'failed', 'close'] as const;

/** An event of the router. */
export type RouterEvent = (typeof routerEvents)[number];

/**
 * What the router does on the way. `prepare`: open the next lane beside the present one. `switch`: the next lane becomes
 * the present one. `abandon`: the next lane is given up as such; it stays where the decision wants it as shadow.
 */
export type RouterEffect = 'none' | 'begin' | 'prepare' | 'switch' | 'abandon' | 'fail' | 'arm' | 'disarm' | 'end';

/** One cell of the table. */
export interface RouterStep {
  readonly to: RouterPhase;
  readonly effect: RouterEffect;
}

const step = (to: RouterPhase, effect: RouterEffect = 'none'): RouterStep => ({ to, effect });

/** The whole machine. A pair that is not in it cannot happen: it changes nothing and is counted. */
export const routerTable: Readonly<Record<RouterPhase, Readonly<Partial<Record<RouterEvent, RouterStep>>>>> = {
  idle: { start: step('steady', 'begin'), close: step('closed', 'end') },
  steady: {
    same: step('steady'),
    keep: step('keeping'),
    move: step('preparing', 'prepare'),
    wait: step('damped', 'arm'),
    close: step('closed', 'end'),
  },
  keeping: {
    same: step('steady'),
    keep: step('keeping'),
    move: step('preparing', 'prepare'),
    wait: step('damped', 'arm'),
    close: step('closed', 'end'),
  },
  damped: {
    same: step('steady', 'disarm'),
    // A session that would be kept now is not torn away because it once was to be moved.
    keep: step('keeping', 'disarm'),
    move: step('preparing', 'prepare'),
    wait: step('damped'),
    due: step('preparing', 'prepare'),
    close: step('closed', 'end'),
  },
  preparing: {
    same: step('steady', 'abandon'),
    keep: step('keeping', 'abandon'),
    move: step('preparing'),
    wait: step('preparing'),
    ready: step('steady', 'switch'),
    failed: step('retrying', 'fail'),
    close: step('closed', 'end'),
  },
  retrying: {
    same: step('steady', 'disarm'),
    keep: step('keeping', 'disarm'),
    // A decision that is repeated does not shorten the wait: a lane that is down is not hammered.
    move: step('retrying'),
    wait: step('retrying'),
    due: step('preparing', 'prepare'),
    close: step('closed', 'end'),
  },
  closed: {},
};

/** The step for an event; undefined where it cannot happen. */
export function routerStep(phase: RouterPhase, event: RouterEvent): RouterStep | undefined {
  return routerTable[phase][event];
}

/** The table as SPEC.md shows it. */
export function routerTableAsMarkdown(): string {
  const cell = (phase: RouterPhase, event: RouterEvent) => {
    const found = routerStep(phase, event);
    if (found === undefined) return '-';
    return found.effect === 'none' ? found.to : `${found.to}, ${found.effect}`;
  };
  const rows = routerPhases.map((phase) => [phase, ...routerEvents.map((event) => cell(phase, event))]);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const head = ['state', ...routerEvents];
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
