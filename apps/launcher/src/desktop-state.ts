import { z } from 'zod';

// Only what the launcher reads of the desktop's state; sequences travel as decimal strings.
const seq = z.string().regex(/^\d+$/).transform(BigInt);

const schema = z.object({
  totals: z.object({
    applied: z.number(),
    stored: z.number(),
    duplicates: z.number(),
    gaps: z.number(),
    conflicts: z.number(),
  }),
  latency: z.object({ p50_ms: z.number().nullable(), p99_ms: z.number().nullable() }),
  connection: z.object({ state: z.string() }),
  streams: z.array(z.object({ stream_id: z.string(), seq, chain: z.string() })),
  alarms: z.array(z.object({ code: z.string(), message: z.string() })),
  feed: z
    .object({
      state: z.string(),
      published: z.number(),
      pending: z.number(),
      dead: z.number(),
      last_error: z.string().nullable(),
      approvals: z.object({ accepted: z.number(), declined: z.number() }).nullable(),
      notes: z.array(z.string()),
      chains: z.array(z.object({ stream_id: z.string(), count: seq, chain: z.string() })),
    })
    .nullable(),
});

/** The desktop's answer to `GET /api/state`, as far as the launcher looks at it. */
export type DesktopState = z.infer<typeof schema>;

/** Reads the desktop's state over its loopback API. */
export async function readDesktopState(readyUrl: string): Promise<DesktopState> {
  const url = new URL(readyUrl);
  const token = url.searchParams.get('token') ?? '';
  const response = await fetch(new URL('/api/state', url), { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`the desktop answered ${response.status}`);
  return schema.parse(await response.json());
}
