import { z } from 'zod';
import type { RunningLane } from './start-lane.ts';
import type { StreamSide } from './verify.ts';

const schema = z.object({
  streams: z.array(
    z.object({
      stream_id: z.string(),
      last_seq: z.union([z.string(), z.number()]).transform(BigInt),
      // Null when control did not see the stream from its first event: then there is nothing to compare with.
      chain: z.string().nullable(),
    }),
  ),
});

/** What the host's receipts told control of every stream. */
export async function readAppended(lane: Pick<RunningLane, 'controlUrl' | 'credentials'>): Promise<StreamSide[]> {
  const { clientId, secret } = lane.credentials;
  const basic = Buffer.from(`${clientId}:${secret}`).toString('base64');
  const response = await fetch(new URL('/v1/projections/status', lane.controlUrl), {
    headers: { authorization: `Basic ${basic}` },
  });
  if (!response.ok) throw new Error(`control answered ${response.status} to /v1/projections/status`);
  const { streams } = schema.parse(await response.json());
  return streams.map(({ stream_id, last_seq, chain }) => ({ stream_id, count: last_seq, chain: chain ?? '' }));
}
