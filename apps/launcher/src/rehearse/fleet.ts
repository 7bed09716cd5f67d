import { z } from 'zod';

const seq = z.string().regex(/^\d+$/).transform(BigInt);
const lag = seq.nullable();
const place = z.object({ epoch: z.string().nullable(), seq, chain: z.string() });

const simulated = z.object({
  units: z.array(
    z.object({
      unit: z.string(),
      lane: z.string().nullable(),
      rule: z.string(),
      stage: z.number().nullable(),
      revision: z.number().nullable(),
      session: z.string(),
      applied: z.number(),
      duplicates: z.number(),
      conflicts: z.number(),
      resets: z.number(),
      refused_writes: z.number(),
      handovers: z.object({ done: z.number(), failed: z.number(), longest_ms: z.number().nullable() }),
      lanes: z.record(z.string(), z.object({ role: z.string(), lag })),
      chains: z.record(z.string(), place),
    }),
  ),
});

const real = z.object({
  connection: z.object({ state: z.string() }),
  totals: z.object({
    applied: z.number(),
    stored: z.number(),
    duplicates: z.number(),
    conflicts: z.number(),
    resets: z.number(),
  }),
  streams: z.array(place.extend({ stream_id: z.string() })),
  comms: z.object({
    unit: z.string(),
    stage: z.number().nullable(),
    policy: z.object({ revision: z.number() }).nullable(),
    decision: z.object({ rule: z.string() }),
    router: z.object({
      active: z.string().nullable(),
      done: z.number(),
      failed: z.number(),
      refused_writes: z.number(),
      lanes: z.array(z.object({ id: z.string(), role: z.string(), lag_events: lag })),
      handovers: z.array(z.object({ outcome: z.string(), took_ms: z.number() })),
    }),
  }),
});

/** One desktop as it says of itself. */
export interface UnitReport {
  readonly unit: string;
  readonly kind: 'simulated' | 'real';
  readonly lane: string | null;
  readonly rule: string;
  readonly stage: number | null;
  readonly revision: number | null;
  readonly session: string;
  /** Events that are in its store, as it counted them; those of earlier runs of its process included. */
  readonly applied: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly resets: number;
  readonly refused_writes: number;
  readonly handovers: { readonly done: number; readonly failed: number; readonly longest_ms: number | null };
  /** Events that it knows of and the slower one of its open lanes has not brought; null when that is not known. */
  readonly behind: number | null;
  /** Whether a khala lane is open in it. */
  readonly khala: boolean;
  readonly streams: ReadonlyMap<string, z.infer<typeof place>>;
}

const answerWithinMs = 20_000;

async function read<Schema extends z.ZodType>(url: URL, schema: Schema, token?: string): Promise<z.infer<Schema>> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(answerWithinMs) });
  if (!response.ok) throw new Error(`${url.pathname} answered ${response.status}`);
  return schema.parse(await response.json());
}

function slower(lanes: readonly { readonly role: string; readonly lag: bigint | null }[]): number | null {
  const open = lanes.filter(({ role }) => role !== 'off').map(({ lag: events }) => events);
  return open.length === 0 || open.includes(null) ? null : Math.max(...open.map(Number));
}

/** The desktops of one process of simulated ones. @throws {Error} when it does not answer. */
export async function readSimulated(url: string): Promise<readonly UnitReport[]> {
  const { units } = await read(new URL('/state', url), simulated);
  return units.map(({ chains, lanes, ...unit }) => ({
    ...unit,
    kind: 'simulated' as const,
    behind: slower(Object.values(lanes)),
    khala: (lanes.khala?.role ?? 'off') !== 'off',
    streams: new Map(Object.entries(chains)),
  }));
}

/** A real desktop. @throws {Error} when it does not answer. */
export async function readReal(readyUrl: string): Promise<UnitReport> {
  const url = new URL(readyUrl);
  const state = await read(new URL('/api/state', url), real, url.searchParams.get('token') ?? '');
  const { comms, totals, streams } = state;
  const { router } = comms;
  const took = router.handovers.filter(({ outcome }) => outcome === 'done').map(({ took_ms }) => took_ms);
  return {
    unit: comms.unit,
    kind: 'real',
    lane: router.active,
    rule: comms.decision.rule,
    stage: comms.stage,
    revision: comms.policy?.revision ?? null,
    session: state.connection.state,
    applied: totals.applied + totals.stored,
    duplicates: totals.duplicates,
    conflicts: totals.conflicts,
    resets: totals.resets,
    refused_writes: router.refused_writes,
    handovers: { done: router.done, failed: router.failed, longest_ms: took.length === 0 ? null : Math.max(...took) },
    behind: slower(router.lanes.map(({ role, lag_events }) => ({ role, lag: lag_events }))),
    khala: router.lanes.some(({ id, role }) => id === 'khala' && role !== 'off'),
    streams: new Map(streams.map((stream) => [stream.stream_id, stream])),
  };
}
