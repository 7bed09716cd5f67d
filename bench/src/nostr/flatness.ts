/** Memory and file after so many events, once everything that can be collected was. Megabytes are 2^20 bytes. */
export interface InboundSample {
  readonly events: number;
  /** Ids in the seen-set. */
  readonly seen: number;
  /** Used by objects of JavaScript, in the thread of the bridge. */
  readonly heap_mb: number;
  /** Held beside the heap, ArrayBuffers included, in the same thread. */
  readonly external_mb: number;
  /** Of the process, the thread that checks signatures included. */
  readonly rss_mb: number;
  /** Of the database with its log. */
  readonly file_mb: number;
}

/**
 * What may be added over the last half of the events for each to count as flat: megabytes. The heap of the thread that
 * checks signatures cannot be collected from outside: it may hold 64 MB before it has to do so itself.
 */
export const mostGrowth = { heap_mb: 2, external_mb: 2, rss_mb: 64, file_mb: 4 } as const;

type Member = keyof typeof mostGrowth;

/** How much higher each was at most in the last half of the events than at its beginning; NaN without a last half. */
export function growthOfLastHalf(samples: readonly InboundSample[]): Readonly<Record<Member, number>> {
  const half = (samples.at(-1)?.events ?? 0) / 2;
  const start = samples.findLast(({ events }) => events <= half);
  const rest = samples.filter(({ events }) => events > half);
  const growth = (member: Member) =>
    rest.length === 0 ? Number.NaN : Math.max(...rest.map((each) => each[member] - (start?.[member] ?? Number.NaN)));
  const members = Object.keys(mostGrowth) as Member[];
  return Object.fromEntries(members.map((member) => [member, growth(member)])) as Record<Member, number>;
}

/** Whether nothing grew beyond its bound; what was not measured is not flat. */
export function isFlat(growth: Readonly<Record<Member, number>>): boolean {
  return (Object.keys(mostGrowth) as Member[]).every((member) => growth[member] <= mostGrowth[member]);
}
