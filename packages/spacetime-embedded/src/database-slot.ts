import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineDatabase } from './engine/database.ts';
import { HostError } from './errors.ts';
import { privateDirectory, privateFile } from './private-mode.ts';
import { ServedDatabase } from './served-database.ts';

/** Opens the engine on a module; `directory` is where its commit log lives, undefined keeps everything in memory. */
export type OpenEngine = (module: Uint8Array, directory: string | undefined) => Promise<EngineDatabase>;

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
  storedModule(): Uint8Array | undefined {
    if (this.dataDir === undefined) return undefined;
    try {
      return Uint8Array.from(readFileSync(modulePath(this.dataDir)));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new HostError('data_dir_unusable', `The stored module in ${this.dataDir} cannot be read.`, { cause });
    }
  }

  /**
   * Serves a module. When it cannot be opened over the data that is there, the one before goes on.
   *
   * @throws {HostError} `update_refused`, `closed`, `data_dir_unusable`.
   * @throws {EngineError}
   */
  publish(module: Uint8Array): Promise<'created' | 'updated'> {
    return this.next(() => this.replace(module));
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

  private async replace(module: Uint8Array): Promise<'created' | 'updated'> {
    const before = this.served;
    if (before === undefined) {
      this.served = await this.opened(module);
      this.store(module);
      return 'created';
    }
    const { moduleHash, moduleBytes } = before.engine.definition;
    if (createHash('sha256').update(module).digest('hex') === moduleHash) return 'updated';
    if (this.dataDir === undefined) {
      throw new HostError('update_refused', 'Without a data directory an update would lose every row.');
    }
    await this.end();
    try {
      this.served = await this.opened(module);
    } catch (error) {
      this.served = await this.opened(moduleBytes);
      throw error;
    }
    this.store(module);
    return 'updated';
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

  private async opened(module: Uint8Array): Promise<ServedDatabase> {
    const { dataDir } = this;
    return new ServedDatabase(await this.open(module, dataDir === undefined ? undefined : databasePath(dataDir)));
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

function modulePath(dataDir: string): string {
  return join(dataDir, 'module.js');
}

function databasePath(dataDir: string): string {
  return join(dataDir, 'database');
}
