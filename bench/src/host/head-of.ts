import { initialState, type StreamState } from '@autopilot/apply-engine';
import type { HostAddress } from './bench-host.ts';
import { sessionTo } from './connect-session.ts';

/** Where a stream stands now: what a reader has that has applied all of it. */
export async function headOf(address: HostAddress, streamId: string, epoch: string): Promise<StreamState> {
  const session = sessionTo(address.url, address.token, { pageSize: 1 });
  const state = await new Promise<StreamState>((resolve, reject) => {
    session.listen((signal) => {
      if (signal.type === 'stream-closed') reject(new Error(signal.message));
      if (signal.type !== 'head') return;
      const { head: seq, head_chain } = signal;
      const { chain } = initialState(streamId);
      resolve({ stream_id: streamId, epoch, seq, chain: seq === 0n ? chain : (head_chain ?? '') });
    });
    session.follow(streamId, { epoch, seq: 0n });
    session.start();
  });
  await session.close();
  return state;
}
