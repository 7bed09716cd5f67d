import {
  type Assignment,
  createSession,
  decodeAssignment,
  nodeSocketFactory,
  reducers,
  type Session,
  type SessionToken,
  viewQueries,
} from '@autopilot/session';
import {
  type ComputeDetail,
  type ComputeRequest,
  canonicalJson,
  computeCapability,
  readComputeDetail,
  writeComputeDetail,
} from '@autopilot/sync-contract';
import { systemHttp as http, systemPorts as ports } from '@autopilot/sync-contract/system-ports';

/** A provider on the lane that does only what a test tells it. */
export interface LaneProvider {
  readonly session: Session;
  /** Says for a time what it computes, and what for. */
  offer(kind: number, price?: { readonly amount_msat: number; readonly bolt11?: string }): Promise<void>;
  assignments(): readonly Assignment[];
  /** Moves an assignment on, keeping its request until its end. */
  move(
    id: string,
    status: string,
    said: { text?: string; part?: number; result?: string; error?: string },
  ): Promise<void>;
  close(): Promise<void>;
}

/** Starts a provider with tokens from `token`. */
export function startLaneProvider(token: () => Promise<SessionToken>): LaneProvider {
  const rows = new Map<string, Assignment>();
  const requests = new Map<string, ComputeRequest>();
  const session = createSession({
    ...{ ports, http, socket: nodeSocketFactory, token, clientId: 'provider', readMode: 'confirmed', streams: false },
  });
  session.subscribe<Assignment>(
    [viewQueries.myAssignments],
    {
      batch: ({ changes }) => {
        for (const { deletes } of changes) for (const row of deletes) rows.delete(row.assignment_id);
        for (const { inserts } of changes) {
          for (const row of inserts) {
            rows.set(row.assignment_id, row);
            const detail = readComputeDetail(row.detail);
            if ('request' in detail) requests.set(row.assignment_id, detail.request);
          }
        }
      },
    },
    (_view, row) => decodeAssignment(row.readRest()),
  );
  session.start();
  return {
    session,
    async offer(kind, price = undefined) {
      const { reducer, args } = reducers.publishProviderCapability(
        computeCapability(kind),
        canonicalJson(price ?? {}),
        600,
      );
      await session.call(reducer, args);
    },
    assignments: () => [...rows.values()],
    async move(id, status, { text, part = 1, result, error }) {
      const row = rows.get(id);
      const request = requests.get(id);
      if (row === undefined || request === undefined) throw new Error(`There is no assignment ${id}.`);
      const detail: ComputeDetail =
        result !== undefined
          ? { result }
          : error !== undefined
            ? { error, retry: true }
            : { request, ...(text === undefined ? {} : { progress: { part, text } }) };
      const update = reducers.updateComputeAssignment(id, row.version, status, writeComputeDetail(detail));
      await session.call(update.reducer, update.args);
    },
    close: () => session.close(),
  };
}
