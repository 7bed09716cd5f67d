/** The faults that the check can make, each on real processes and sockets. */
export const faultKinds = {
  kill: { side: 'subscriber', text: 'SIGKILL of a subscriber, which is started again' },
  stop: { side: 'subscriber', text: 'SIGSTOP of a subscriber, SIGCONT after a while' },
  cut: { side: 'subscriber', text: 'its connections are reset' },
  partial: { side: 'subscriber', text: 'its connection is reset in the middle of a frame' },
  delay: { side: 'subscriber', text: 'everything on its connections comes late' },
  stall: { side: 'subscriber', text: 'nothing passes on its connections for a while; nothing is lost' },
  'half-open': { side: 'subscriber', text: 'its connections stay open and carry nothing ever again; new ones work' },
  'kill-server': { side: 'server', text: 'SIGKILL of the server, which is started again over its data' },
  'stop-server': { side: 'server', text: 'SIGSTOP of the server, SIGCONT after a while' },
} as const;

export type FaultKind = keyof typeof faultKinds;

export const allFaults = Object.keys(faultKinds) as readonly FaultKind[];

export function isFaultKind(name: string): name is FaultKind {
  return Object.hasOwn(faultKinds, name);
}

/** A fault that was made. Times are milliseconds since the Unix epoch. */
export interface FaultMark {
  readonly kind: FaultKind;
  /** The subscriber's number; undefined for the server. */
  readonly subscriber: number | undefined;
  readonly from: number;
  readonly to: number;
}
