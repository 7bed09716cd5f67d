/** One message of a client: `[join_ref, ref, topic, event, payload]`. */
export interface ChannelMessage {
  readonly joinRef: string | null;
  readonly ref: string | null;
  readonly topic: string;
  readonly event: string;
  readonly payload: unknown;
}

/** Reads a message; undefined for anything but five elements of the right kinds. */
export function parseChannelMessage(text: string): ChannelMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 5) return undefined;
  const [joinRef, ref, topic, event, payload] = value as unknown[];
  if (![joinRef, ref].every((each) => each === null || typeof each === 'string')) return undefined;
  if (typeof topic !== 'string' || typeof event !== 'string') return undefined;
  return { joinRef: joinRef as string | null, ref: ref as string | null, topic, event, payload };
}
