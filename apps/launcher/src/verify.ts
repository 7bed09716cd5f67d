import { createHash } from 'node:crypto';

/** One stream as one side saw it. */
export interface StreamSide {
  readonly stream_id: string;
  readonly count: bigint;
  readonly chain: string;
}

/** The same stream as up to three witnesses saw it. */
export interface Witnesses {
  /** What the agent's side published, in its order. */
  readonly published: readonly StreamSide[];
  /** What the desktop has applied and made durable. */
  readonly applied: readonly StreamSide[];
  /** What control was told by the host's receipts. */
  readonly appended: readonly StreamSide[];
}

/** The outcome of comparing the witnesses. */
export interface Verdict {
  /** One sentence per fault; empty when every stream agrees. */
  readonly faults: readonly string[];
  /** One hash over all streams of the publisher: stream id, length and chain. */
  readonly chain: string;
  readonly published: bigint;
  readonly applied: bigint;
}

/**
 * Compares the publisher's streams with what control and the desktop hold. Equal length and equal chain mean the same
 * events in the same order, none missing and none twice.
 */
export function verify({ published, applied, appended }: Witnesses): Verdict {
  const faults: string[] = [];
  // Nothing published would agree with nothing applied: that proves nothing.
  if (published.length === 0) faults.push('Nothing was published, so there is nothing to verify.');
  const desktop = byStream(applied);
  const host = byStream(appended);
  let appliedCount = 0n;
  for (const stream of published) {
    appliedCount += desktop.get(stream.stream_id)?.count ?? 0n;
    compare('the desktop', stream, desktop.get(stream.stream_id), faults);
    compare('the host', stream, host.get(stream.stream_id), faults);
  }
  return { faults, chain: combine(published), published: sum(published), applied: appliedCount };
}

function compare(who: string, wanted: StreamSide, found: StreamSide | undefined, faults: string[]): void {
  const name = wanted.stream_id;
  if (found === undefined)
    faults.push(`${name}: ${who} does not have the stream at all (${wanted.count} events lost).`);
  else if (found.count < wanted.count)
    faults.push(`${name}: ${who} has ${found.count} of ${wanted.count} events (lost).`);
  else if (found.count > wanted.count)
    faults.push(`${name}: ${who} has ${found.count} events for ${wanted.count} published (repeated).`);
  else if (found.chain !== wanted.chain) {
    faults.push(`${name}: ${who} has ${found.count} events, but not the same ones in the same order (chains differ).`);
  }
}

function byStream(sides: readonly StreamSide[]): Map<string, StreamSide> {
  return new Map(sides.map((side) => [side.stream_id, side]));
}

function sum(sides: readonly StreamSide[]): bigint {
  return sides.reduce((total, side) => total + side.count, 0n);
}

function combine(sides: readonly StreamSide[]): string {
  const lines = sides.map((side) => `${side.stream_id} ${side.count} ${side.chain}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}
