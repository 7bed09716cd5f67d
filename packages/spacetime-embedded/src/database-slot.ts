import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StateImage } from './engine/commit-log.ts';
import type { EngineDatabase } from './engine/database.ts';
import { loadSchema } from './engine/load-schema.ts';
import { migrateImage } from './engine/migrate-image.ts';
import { planUpdate, type UpdatePlan } from './engine/plan-update.ts';
import { seedDirectory } from './engine/seed-directory.ts';
import { HostError } from './errors.ts';
import { privateDirectory, privateFile } from './private-mode.ts';
import { ServedDatabase } from './served-database.ts';

/**
 * Opens the engine on a module; `directory` is where its commit log lives, undefined keeps everything in memory and begins
 * with the rows of `initial`.
 */
export type OpenEngine = (
  module: Uint8Array,
  directory: string | undefined,
  initial?: StateImage,
) => Promise<EngineDatabase>;

/** What a publisher lets an update do to clients that were built for the module before. */
export interface UpdatePolicy {
  /** Whether they may be broken. */
  readonly mayBreakClients: boolean;
}

/** What one database serves: opened, replaced, emptied and closed, one after the other. */
export class DatabaseSlot {
  private readonly open: OpenEngine;
  /** Where module and commit log are kept; undefined keeps them nowhere. */
  private readonly dataDir: string | undefined;
  private served: ServedDatabase | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor(open: OpenEngine, dataDir: string | undefined) {
    this.open = open;
    this.dataDir = dataDir;
  }

  get current(): ServedDatabase | undefined {
    return this.served;
  }

  /** The module of the last start; undefined when there was none. @throws {HostError} `data_dir_unusable`. */
  private storedModule(): Uint8Array | undefined {
    if (this.dataDir === undefined) return undefined;
    try {
      return Uint8Array.from(readFileSync(modulePath(this.dataDir)));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new HostError('data_dir_unusable', `The stored module in ${this.dataDir} cannot be read.`, { cause });
    }
  }

  /**
   * Serves a module over the data of the one before, which goes on when that cannot be done.
   *
   * @throws {HostError} `update_refused`, `closed`, `data_dir_unusable`.
   * @throws {EngineError}
   */
  publish(module: Uint8Array, policy: UpdatePolicy = { mayBreakClients: false }): Promise<'created' | 'updated'> {
    return this.next(() => this.replace(module, policy));
  }

  /**
   * Serves what the last start served, or a module over it. No client is there that an update could break.
   *
   * @throws as {@link publish}
   */
  start(module: Uint8Array | undefined): Promise<void> {
    return this.next(async () => {
      if (this.dataDir !== undefined) finishUpdate(this.dataDir);
      const stored = this.storedModule();
      const first = module ?? stored;
      if (first === undefined) return;
      const isOld = stored !== undefined && module !== undefined && !Buffer.from(stored).equals(module);
      if (isOld && (await this.plan(stored, module))?.rewrites) {
        await this.replace(stored, { mayBreakClients: true });
        await this.replace(module, { mayBreakClients: true });
      } else {
        await this.replace(first, { mayBreakClients: true });
      }
    });
  }

  /** What an update to a module would do; undefined when nothing is served. @throws {EngineError} */
  async planFor(module: Uint8Array): Promise<UpdatePlan | undefined> {
    const before = this.served?.engine.definition.moduleBytes;
    return before === undefined ? undefined : await this.plan(before, module);
  }

  /**
   * Begins anew without a row: with another module, or with the one that is served. When that one cannot be opened,
   * everything is as before.
   *
   * @throws {HostError} `closed`, `data_dir_unusable`.
   * @throws {EngineError}
   */
  reset(module: Uint8Array | undefined): Promise<void> {
    return this.next(() => this.empty(module));
  }

  /** Closes what is served and opens it again over its rows, as when its module is replaced by itself. */
  reload(): Promise<void> {
    return this.next(async () => {
      const before = this.served?.engine;
      if (before === undefined) return;
      await this.end();
      const { moduleBytes } = before.definition;
      this.served = await this.opened(moduleBytes, this.dataDir === undefined ? before.image() : undefined);
    });
  }

  /** Ends what is served and removes what is kept of it. */
  remove(): Promise<void> {
    return this.next(async () => {
      this.isClosed = true;
      await this.end();
      if (this.dataDir === undefined) return;
      rmSync(databasePath(this.dataDir), { recursive: true, force: true });
      rmSync(modulePath(this.dataDir), { force: true });
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.last;
    await this.end();
  }

  private next<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(() => {
      if (this.isClosed) throw new HostError('closed', 'The database is closed.');
      return work();
    });
    this.last = result.catch(() => undefined);
    return result;
  }

  private async end(): Promise<void> {
    const before = this.served;
    this.served = undefined;
    await before?.close();
  }

  private async replace(module: Uint8Array, { mayBreakClients }: UpdatePolicy): Promise<'created' | 'updated'> {
    const before = this.served;
    if (before === undefined) {
      this.served = await this.opened(module);
      this.store(module);
      return 'created';
    }
    const { moduleBytes } = before.engine.definition;
    if (Buffer.from(moduleBytes).equals(module)) return 'updated';
    const plan = await this.plan(moduleBytes, module);
    if (plan.refusals.length > 0) throw new HostError('update_refused', `${plan.refusals.join('. ')}.`);
    if (plan.breaksClients && !mayBreakClients) {
      const steps = plan.steps.join('. ');
      throw new HostError('update_refused', `It would break clients, and the policy is Compatible: ${steps}.`);
    }
    await before.close();
    this.served = undefined;
    try {
      this.served = await this.migrated(before.engine, module, plan);
    } catch (error) {
      this.served = await this.opened(moduleBytes, this.dataDir === undefined ? before.engine.image() : undefined);
      throw error;
    }
    this.store(module);
    return 'updated';
  }

  private async migrated(before: EngineDatabase, module: Uint8Array, plan: UpdatePlan): Promise<ServedDatabase> {
    if (this.dataDir !== undefined && !plan.rewrites) return await this.opened(module);
    const [old, next] = await Promise.all([loadSchema(before.definition.moduleBytes), loadSchema(module)]);
    const image = migrateImage(before.image(), old.schema, next.schema);
    if (this.dataDir === undefined) return await this.opened(module, image);
    const { identity, owner } = before;
    const prepared = `${updatePath(this.dataDir)}.new`;
    rmSync(prepared, { recursive: true, force: true });
    await seedDirectory(databasePath(prepared), { identity, owner }, image);
    writeFileSync(modulePath(prepared), module, { mode: privateFile, flush: true });
    // From here on the update has happened, also when the process ends: the next start finishes it.
    renameSync(prepared, updatePath(this.dataDir));
    finishUpdate(this.dataDir);
    return await this.opened(module);
  }

  private async plan(before: Uint8Array, after: Uint8Array): Promise<UpdatePlan> {
    const [old, next] = await Promise.all([loadSchema(before), loadSchema(after)]);
    return planUpdate(old.schema, next.schema);
  }

  private async empty(module: Uint8Array | undefined): Promise<void> {
    const before = this.served?.engine.definition.moduleBytes;
    const next = module ?? before;
    if (next === undefined) throw new HostError('closed', 'Nothing has been published to this database yet.');
    if (this.dataDir === undefined) {
      const opened = await this.opened(next);
      await this.end();
      this.served = opened;
      return;
    }
    const path = databasePath(this.dataDir);
    const aside = `${path}.before`;
    await this.end();
    rmSync(aside, { recursive: true, force: true });
    if (existsSync(path)) renameSync(path, aside);
    try {
      this.served = await this.opened(next);
    } catch (error) {
      rmSync(path, { recursive: true, force: true });
      if (existsSync(aside)) renameSync(aside, path);
      if (before !== undefined) this.served = await this.opened(before);
      throw error;
    }
    this.store(next);
    rmSync(aside, { recursive: true, force: true });
  }

  private async opened(module: Uint8Array, initial?: StateImage): Promise<ServedDatabase> {
    const { dataDir } = this;
    const directory = dataDir === undefined ? undefined : databasePath(dataDir);
    return new ServedDatabase(await this.open(module, directory, initial));
  }

  private store(module: Uint8Array): void {
    if (this.dataDir === undefined) return;
    const path = modulePath(this.dataDir);
    try {
      mkdirSync(this.dataDir, { recursive: true, mode: privateDirectory });
      writeFileSync(`${path}.new`, module, { mode: privateFile, flush: true });
      renameSync(`${path}.new`, path);
    } catch (cause) {
      throw new HostError('data_dir_unusable', `The module cannot be kept in ${this.dataDir}.`, { cause });
    }
  }
}

/** Brings rows and module of an update, which are complete, to their places. Does nothing when there is no update. */
function finishUpdate(dataDir: string): void {
  const update = updatePath(dataDir);
  rmSync(`${update}.new`, { recursive: true, force: true });
  for (const pathOf of [databasePath, modulePath]) {
    if (!existsSync(pathOf(update))) continue;
    rmSync(pathOf(dataDir), { recursive: true, force: true });
    renameSync(pathOf(update), pathOf(dataDir));
  }
  rmSync(update, { recursive: true, force: true });
}

function updatePath(dataDir: string): string {
  return join(dataDir, 'update');
}

function modulePath(dataDir: string): string {
  return join(dataDir, 'module.js');
}

function databasePath(dataDir: string): string {
  return join(dataDir, 'database');
}
