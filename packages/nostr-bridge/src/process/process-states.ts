/** `waiting`: the process has ended, and is started again after a pause. */
export const processStates = ['idle', 'starting', 'running', 'waiting', 'closed'] as const;
export type ProcessState = (typeof processStates)[number];

export const processInputs = ['start', 'ready', 'ended', 'retry', 'close'] as const;
export type ProcessInput = (typeof processInputs)[number];

/** Where each input leads from each state; undefined cannot happen, changes nothing and is counted. */
export const processTransitions: Readonly<
  Record<ProcessState, Readonly<Record<ProcessInput, ProcessState | undefined>>>
> = {
  idle: { start: 'starting', ready: undefined, ended: undefined, retry: undefined, close: 'closed' },
  starting: { start: undefined, ready: 'running', ended: 'waiting', retry: undefined, close: 'closed' },
  running: { start: undefined, ready: undefined, ended: 'waiting', retry: undefined, close: 'closed' },
  waiting: { start: undefined, ready: undefined, ended: undefined, retry: 'starting', close: 'closed' },
  closed: { start: undefined, ready: undefined, ended: undefined, retry: undefined, close: undefined },
};
