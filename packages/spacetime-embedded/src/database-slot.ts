import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EngineDatabase } from './engine/database.ts';
import { HostError } from './errors.ts';
import { privateDirectory, privateFile } from './private-mode.ts';
import { ServedDatabase } from './served-database.ts';

/** Opens the engine on a module. */
export type OpenEngine = (module: Uint8Array) => Promise<EngineDatabase>;

/** The one database of a host: opened, replaced and closed, one after the other. */
export class DatabaseSlot {
  private readonly open: OpenEngine;
  /** Where the module is kept; undefined keeps it nowhere. */
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
      return Uint8Array.from(readFileSync(this.modulePath(this.dataDir)));
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
    const result = this.last.then(() => this.replace(module));
    this.last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.last;
    await this.served?.close();
    this.served = undefined;
  }

  private async replace(module: Uint8Array): Promise<'created' | 'updated'> {
    if (this.isClosed) throw new HostError('closed', 'The host is closed.');
    const before = this.served;
    if (before === undefined) {
      this.served = new ServedDatabase(await this.open(module));
      this.store(module);
      return 'created';
    }
    const { moduleHash, moduleBytes } = before.engine.definition;
    if (createHash('sha256').update(module).digest('hex') === moduleHash) return 'updated';
    if (this.dataDir === undefined) {
      throw new HostError('update_refused', 'Without a data directory an update would lose every row.');
    }
    this.served = undefined;
    await before.close();
    try {
      this.served = new ServedDatabase(await this.open(module));
    } catch (error) {
      this.served = new ServedDatabase(await this.open(moduleBytes));
      throw error;
    }
    this.store(module);
    return 'updated';
  }

  private store(module: Uint8Array): void {
    if (this.dataDir === undefined) return;
    const path = this.modulePath(this.dataDir);
    try {
      mkdirSync(dirname(path), { recursive: true, mode: privateDirectory });
      writeFileSync(`${path}.new`, module, { mode: privateFile, flush: true });
      renameSync(`${path}.new`, path);
    } catch (cause) {
      throw new HostError('data_dir_unusable', `The module cannot be kept in ${this.dataDir}.`, { cause });
    }
  }

  private modulePath(dataDir: string): string {
    return join(dataDir, 'module.js');
  }
}
