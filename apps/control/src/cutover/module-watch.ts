import type { Clock } from '@autopilot/sync-contract';
import type { BindingProbe } from '../spacetime/binding-probe.ts';
import type { Store } from '../store/open-store.ts';
import { storedNow } from '../store/stored-time.ts';

/** Notes when the module in use changed: what was observed before is of another one. */
export interface ModuleWatch {
  /** The probe, which notes what it sees. */
  readonly probe: BindingProbe;
  /** Looks at the module now and then, however often it is called. Waits for nothing. */
  glance(): void;
  /** Since when the module is known to have that schema, by the machine's clock; now when it is not known. */
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

  async function noted(): Promise<{ readonly schema: string; readonly since: number } | undefined> {
    const row = await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
    return row && JSON.parse(row.value);
  }

  async function note(schema: string): Promise<void> {
    if ((await noted())?.schema === schema) return;
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
      const known = await noted();
      return known !== undefined && known.schema === schema ? known.since : storedNow(wall);
    },
  };
}
