import type { Clock } from '@autopilot/sync-contract';
import type { BindingProbe } from '../spacetime/binding-probe.ts';
import type { Kysely } from 'kysely';
import type { Store } from '../store/open-store.ts';
import type { Schema } from '../store/schema.ts';
import { storedNow } from '../store/stored-time.ts';

/** Notes when the module in use changed: what was observed before is of another one. */
export interface ModuleWatch {
  /** The probe, which notes what it sees. */
  readonly probe: BindingProbe;
  /** Looks at the module now and then, however often it is called. Waits for nothing. */
  glance(): void;
  /** Since when the module is known to have that schema, by the machine's clock; Infinity when it is not known to. */
  since(schema: string | null): Promise<number>;
}

/** What the watch is made of. */
export interface ModuleWatchOptions {
  readonly store: Store;
  readonly probe: BindingProbe;
  readonly wall: Clock;
  readonly failed: (error: unknown) => void;
}

const key = 'cutover_module';
const glanceEvery = 30_000;

/** Watches over the store, so that it holds through restarts and for every replica. */
export function createModuleWatch({ store: { db }, probe, wall, failed }: ModuleWatchOptions): ModuleWatch {
  let glancedAt = Number.NEGATIVE_INFINITY;

  async function note(schema: string): Promise<void> {
    if ((await moduleNote(db))?.schema === schema) return;
    const value = JSON.stringify({ schema, since: storedNow(wall) });
    await db
      .insertInto('meta')
      .values({ key, value })
      .onConflict((c) => c.column('key').doUpdateSet({ value }))
      .execute();
  }

  const watched: BindingProbe = async () => {
    const facts = await probe();
    if (facts.module_schema !== null) await note(facts.module_schema);
    return facts;
  };

  return {
    probe: watched,
    glance() {
      const at = wall.monotonic();
      if (at - glancedAt < glanceEvery) return;
      glancedAt = at;
      watched().then(({ module_schema }) => {
        // Asked again at once while it is not known.
        if (module_schema === null) glancedAt = Number.NEGATIVE_INFINITY;
      }, failed);
    },
    async since(schema) {
      const known = await moduleNote(db);
      return known !== undefined && known.schema === schema ? known.since : Number.POSITIVE_INFINITY;
    },
  };
}

/** What was noted last: the schema of the module, and since when it is known to be that. */
export async function moduleNote(
  db: Pick<Kysely<Schema>, 'selectFrom'>,
): Promise<{ readonly schema: string; readonly since: number } | undefined> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
  return row && JSON.parse(row.value);
}
