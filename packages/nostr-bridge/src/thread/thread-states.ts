/** `waiting`: the thread has ended, and is started again after a pause. */
export const threadStates = ['idle', 'starting', 'running', 'waiting', 'closed'] as const;
export type ThreadState = (typeof threadStates)[number];

export const threadInputs = ['start', 'ready', 'ended', 'retry', 'close'] as const;
export type ThreadInput = (typeof threadInputs)[number];

/** Where each input leads from each state; undefined cannot happen, changes nothing and is counted. */
export const threadTransitions: Readonly<Record<ThreadState, Readonly<Record<ThreadInput, ThreadState | undefined>>>> =
  {
    idle: { start: 'starting', ready: undefined, ended: undefined, retry: undefined, close: 'closed' },
    starting: { start: undefined, ready: 'running', ended: 'waiting', retry: undefined, close: 'closed' },
    running: { start: undefined, ready: undefined, ended: 'waiting', retry: undefined, close: 'closed' },
    waiting: { start: undefined, ready: undefined, ended: undefined, retry: 'starting', close: 'closed' },
    closed: { start: undefined, ready: undefined, ended: undefined, retry: undefined, close: undefined },
  };
