/** `waiting`: not connected, until the backoff or the breaker lets it try again. */
export const relayStates = ['idle', 'connecting', 'open', 'waiting', 'closed'] as const;
export type RelayState = (typeof relayStates)[number];

export const relayInputs = ['start', 'opened', 'lost', 'retry', 'close'] as const;
export type RelayInput = (typeof relayInputs)[number];

/** Where each input leads from each state; undefined cannot happen, changes nothing and is counted. */
export const relayTransitions: Readonly<Record<RelayState, Readonly<Record<RelayInput, RelayState | undefined>>>> = {
  idle: { start: 'connecting', opened: undefined, lost: undefined, retry: undefined, close: 'closed' },
  connecting: { start: undefined, opened: 'open', lost: 'waiting', retry: undefined, close: 'closed' },
  open: { start: undefined, opened: undefined, lost: 'waiting', retry: undefined, close: 'closed' },
  waiting: { start: undefined, opened: undefined, lost: undefined, retry: 'connecting', close: 'closed' },
  closed: { start: undefined, opened: undefined, lost: undefined, retry: undefined, close: undefined },
};
