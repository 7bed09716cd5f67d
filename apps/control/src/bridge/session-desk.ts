import {
  type Assignment,
  type Capability,
  decodeAssignment,
  decodeCapability,
  decodeNostrKey,
  type NostrKey,
  type RowBatch,
  reducers,
  type Session,
  viewQueries,
} from '@autopilot/session';
import type { AssignmentDesk } from './assignment-desk.ts';

/** What a grant names that lets the bridge see its outbox and open assignments; the module's own constant. */
export const bridgeGrant = 'bridge.outbox';

type Row = { readonly assignment: Assignment } | { readonly capability: Capability } | { readonly key: NostrKey };

/** The desk over a session. */
export function openSessionDesk(session: Session): AssignmentDesk {
  const assignments = new Map<string, Assignment>();
  const capabilities = new Map<string, Capability>();
  /** Identities by keys. */
  const bindings = new Map<string, string>();
  const listeners = new Set<() => void>();
  let isLive = false;

  function take({ changes }: RowBatch<Row>): void {
    // An updated row is a delete and an insert, so what goes is taken away before what comes.
    for (const { deletes } of changes) {
      for (const row of deletes) {
        if ('assignment' in row) assignments.delete(row.assignment.assignment_id);
        else if ('capability' in row) capabilities.delete(keyOf(row.capability));
        else bindings.delete(row.key.pubkey);
      }
    }
    for (const { inserts } of changes) {
      for (const row of inserts) {
        if ('assignment' in row) assignments.set(row.assignment.assignment_id, row.assignment);
        else if ('capability' in row) capabilities.set(keyOf(row.capability), row.capability);
        else bindings.set(row.key.pubkey, row.key.identity);
      }
    }
    isLive = true;
    for (const listener of listeners) listener();
  }

  session.subscribe<Row>(
    [viewQueries.myAssignments, viewQueries.capabilities, viewQueries.nostrKeys],
    { batch: take },
    (view, row): Row => {
      if (view === 'my_assignments') return { assignment: decodeAssignment(row.readRest()) };
      if (view === 'capabilities') return { capability: decodeCapability(row.readRest()) };
      return { key: decodeNostrKey(row.readRest()) };
    },
  );
  const call = ({ reducer, args }: { reducer: string; args: Uint8Array }, key: string) =>
    session.call(reducer, args, { idempotencyKey: key });
  return {
    get isLive() {
      return isLive;
    },
    capabilities: () => [...capabilities.values()],
    assignments: () => [...assignments.values()],
    assignment: (id) => assignments.get(id),
    identityOf: (pubkey) => bindings.get(pubkey),
    open: (id, provider, detail) => call(reducers.openComputeAssignment(id, provider, bridgeGrant, detail), id),
    cancel: ({ assignment_id, version }, detail) => {
      // By its version a repetition is refused, and so changes nothing.
      const update = reducers.updateComputeAssignment(assignment_id, version, 'cancelled', detail);
      return session.call(update.reducer, update.args);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function keyOf({ identity, capability }: Capability): string {
  return `${identity} ${capability}`;
}
