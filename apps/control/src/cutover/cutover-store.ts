import {
  type AuditHead,
  type AuditRecord,
  appendAudit,
  auditGenesis,
  type CutoverEvent,
  type CutoverState,
} from '@autopilot/cutover-flags';
import type { PayloadHash } from '@autopilot/sync-contract';
import type { Transaction } from 'kysely';
import type { Store } from '../store/open-store.ts';
import type { Schema } from '../store/schema.ts';

/** The state with the version that a change of it has to name. */
export interface StoredCutover {
  readonly state: CutoverState;
  readonly version: number;
  /** The revision of the last change that an operator has to have seen before the next command. */
  readonly told: number;
}

/** A command that was done. */
export interface RememberedCommand {
  readonly digest: string;
  readonly revision: number;
  readonly events: readonly CutoverEvent[];
}

/** One change of the state, with all that belongs to it. */
export interface CutoverChange {
  readonly before: StoredCutover;
  readonly state: CutoverState;
  readonly events: readonly CutoverEvent[];
  /** Whether a command of somebody who has not seen the change is to be refused. */
  readonly tell: boolean;
  /** Null for changes that control makes by itself. */
  readonly command: { readonly key: string; readonly actor: string; readonly digest: string } | null;
  /** By the machine's clock. */
  readonly now: number;
}

/** The state of the cutover, its commands and its audit log: they change together or not at all. */
export interface CutoverStore {
  load(): Promise<StoredCutover>;
  command(key: string): Promise<RememberedCommand | undefined>;
  /** Stores a change; false when somebody else has changed the state since it was loaded. */
  commit(change: CutoverChange): Promise<boolean>;
  audit(after: number, limit: number): Promise<readonly AuditRecord[]>;
  auditHead(): Promise<AuditHead>;
}

const row = 1;

/** Opens the cutover of a store; `initial` is the state of one that nothing has happened to. */
export async function openCutoverStore({ db }: Store, initial: () => CutoverState, now: number): Promise<CutoverStore> {
  const first = initial();
  await db
    .insertInto('cutover_state')
    .values({
      id: row,
      version: 1,
      revision: first.revision,
      told_revision: first.revision,
      state: JSON.stringify(first),
      updated_at: now,
    })
    .onConflict((c) => c.column('id').doNothing())
    .execute();

  return {
    async load() {
      const query = db.selectFrom('cutover_state').select(['state', 'version', 'told_revision']).where('id', '=', row);
      const { state, version, told_revision: told } = await query.executeTakeFirstOrThrow();
      return { state: JSON.parse(state) as CutoverState, version, told };
    },
    async command(key) {
      const query = db.selectFrom('cutover_command').select(['digest', 'revision', 'events']).where('key', '=', key);
      const found = await query.executeTakeFirst();
      return found && { ...found, events: JSON.parse(found.events) as CutoverEvent[] };
    },
    commit: ({ before, state, events, tell, command, now: at }) =>
      db.transaction().execute(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('cutover_state')
          .set({
            version: before.version + 1,
            revision: state.revision,
            told_revision: tell ? state.revision : before.told,
            state: JSON.stringify(state),
            updated_at: at,
          })
          .where('id', '=', row)
          .where('version', '=', before.version)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows !== 1n) return false;
        await appendEvents(tx, events);
        if (command !== null) {
          const done = { ...command, revision: state.revision, events: JSON.stringify(events), at };
          await tx.insertInto('cutover_command').values(done).execute();
        }
        return true;
      }),
    async audit(after, limit) {
      const query = db
        .selectFrom('cutover_audit')
        .select('record')
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(limit);
      return (await query.execute()).map(({ record }) => JSON.parse(record) as AuditRecord);
    },
    auditHead: () => headOf(db),
  };
}

/** The row of the state is locked by its update, so that nobody else appends meanwhile. */
async function appendEvents(tx: Transaction<Schema>, events: readonly CutoverEvent[]): Promise<void> {
  let head = await headOf(tx);
  for (const event of events) {
    const record = appendAudit(head, event);
    const { seq, hash, at } = record;
    await tx
      .insertInto('cutover_audit')
      .values({ seq, hash, at, event: record.event, record: JSON.stringify(record) })
      .execute();
    head = { seq, hash };
  }
}

async function headOf(db: Pick<Transaction<Schema>, 'selectFrom'>): Promise<AuditHead> {
  const query = db.selectFrom('cutover_audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1);
  const last = await query.executeTakeFirst();
  return last === undefined ? auditGenesis : { seq: last.seq, hash: last.hash as PayloadHash };
}
