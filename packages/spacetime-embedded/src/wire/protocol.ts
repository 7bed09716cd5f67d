/** The websocket subprotocols that are spoken, in the order in which the server prefers them. */
export const protocols = ['v3.bsatn.spacetimedb', 'v2.bsatn.spacetimedb'] as const;

/** One of {@link protocols}. */
export type Protocol = (typeof protocols)[number];

/** The preferred one of those that a client offers. */
export function chooseProtocol(offered: Iterable<string>): Protocol | undefined {
  const set = new Set(offered);
  return protocols.find((protocol) => set.has(protocol));
}
