import type { HttpClient, LaneId, Ports, SocketFactory } from '@autopilot/sync-contract';
import type { SyncLane, SyncLaneFactory } from '../sync/sync-lane.ts';
import { createTokenClient } from '../sync/token-provider.ts';
import { memoryCursors } from './khala-cursors.ts';
import type { KhalaModule } from './khala-opening.ts';

/** What a second reader of a lane is opened with. */
export interface SecondReaderOptions {
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  readonly control: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly khala?: { readonly url: string; readonly credential?: string | undefined } | undefined;
  readonly createLane: SyncLaneFactory;
  readonly createReader?: SyncLaneFactory | undefined;
}

/** It applies nothing, so that nothing of the store is its business. */
const nothingApplied = { position: () => null, chain: () => null, hashAt: () => undefined };

/** Opens a lane for the second time: another connection, another token, and no way to write or to bind the store. */
export function openSecondReader(
  lane: LaneId,
  options: SecondReaderOptions,
  khala: KhalaModule | null,
  follows: (streamId: string) => boolean,
): SyncLane {
  const { ports, http, socket, khala: place } = options;
  if (lane === 'spacetime') {
    const token = createTokenClient({ ...options, clock: ports.clock });
    return (options.createReader ?? options.createLane)(token, nothingApplied);
  }
  if (khala === null || place === undefined) throw new Error('khala is never read twice where it cannot be read once');
  return khala.openKhalaLane({
    ...{ ports, http, socket, url: place.url, credential: place.credential, cursors: memoryCursors(), follows },
    beforeToken: () => Promise.resolve(),
  });
}
