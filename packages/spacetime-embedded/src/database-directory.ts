import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenEngine } from './database-slot.ts';
import { DatabaseSlot } from './database-slot.ts';
import { HostError } from './errors.ts';
import { HostedDatabase } from './hosted-database.ts';
import { privateDirectory, privateFile } from './private-mode.ts';
import type { ServedDatabase } from './served-database.ts';

const nameRule = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Whether a text can be the name of a database. */
export function isDatabaseName(text: string): boolean {
  return nameRule.test(text);
}

/** What a directory needs of its host. */
export interface DirectoryOptions {
  /** Makes the opener of one database. */
  readonly opener: (owner: string, identity: string) => OpenEngine;
  /** Undefined keeps nothing. */
  readonly dataDir: string | undefined;
  /** The database that the host was started for. It keeps its files at the top of the data directory. */
  readonly first: { readonly identity: string; readonly owner: string; readonly name: string };
}

/** What is written down of a database, beside what is in it. */
interface DatabaseRecord {
  readonly owner: string;
  readonly names: readonly string[];
  readonly isLocked: boolean;
}

/** The databases of a host, by name and by identity. */
export class DatabaseDirectory {
  readonly first: HostedDatabase;
  private readonly options: DirectoryOptions;
  private readonly byIdentity = new Map<string, HostedDatabase>();

  constructor(options: DirectoryOptions) {
    this.options = options;
    const { first, dataDir } = options;
    const slot = new DatabaseSlot(options.opener(first.owner, first.identity), dataDir);
    this.first = new HostedDatabase(first.identity, first.owner, [first.name], slot);
    this.byIdentity.set(first.identity, this.first);
  }

  /**
   * Finds the names and the lock of the first database again, and opens the others of an earlier start.
   *
   * @throws {HostError} `data_dir_unusable`.
   * @throws {EngineError}
   */
  async restore(): Promise<void> {
    const { dataDir, first } = this.options;
    const kept = dataDir === undefined ? undefined : readRecord(dataDir);
    if (kept !== undefined) {
      this.first.isLocked = kept.isLocked;
      // The name that the host was started with is served whatever it was called before.
      this.first.names = [...new Set([first.name, ...kept.names])];
    }
    const folder = this.folder();
    if (folder === undefined || !existsSync(folder)) return;
    for (const identity of readdirSync(folder)) {
      const record = readRecord(join(folder, identity));
      const database = record === undefined ? undefined : this.made(identity, record.owner, record.names);
      if (record === undefined || database === undefined) continue;
      database.isLocked = record.isLocked;
      this.byIdentity.set(identity, database);
      await database.slot.start(undefined);
    }
  }

  /** By name, or by identity in hex. */
  find(nameOrIdentity: string): HostedDatabase | undefined {
    const byIdentity = this.byIdentity.get(nameOrIdentity.toLowerCase());
    if (byIdentity !== undefined) return byIdentity;
    for (const database of this.byIdentity.values()) if (database.names.includes(nameOrIdentity)) return database;
    return undefined;
  }

  /** Takes an identity and, where one is given, a name. Nothing is served under it until a module is published. */
  create(identity: string, owner: string, name: string | undefined): HostedDatabase {
    const database = this.made(identity, owner, name === undefined ? [] : [name]);
    this.byIdentity.set(identity, database);
    return database;
  }

  /** Writes down what is known of a database. @throws {HostError} `data_dir_unusable`. */
  keep({ identity, owner, names, isLocked }: HostedDatabase): void {
    const folder = this.folderOf(identity);
    if (folder === undefined) return;
    const record: DatabaseRecord = { owner, names, isLocked };
    const path = join(folder, 'database.json');
    try {
      mkdirSync(folder, { recursive: true, mode: privateDirectory });
      writeFileSync(`${path}.new`, JSON.stringify(record), { mode: privateFile, flush: true });
      renameSync(`${path}.new`, path);
    } catch (cause) {
      throw new HostError(
        'data_dir_unusable',
        `What is known of the database ${identity} cannot be kept in ${folder}.`,
        { cause },
      );
    }
  }

  /** Ends a database and removes what is kept of it. Its names are free from the beginning of the call. */
  async remove(database: HostedDatabase): Promise<void> {
    const { identity, slot } = database;
    this.byIdentity.delete(identity);
    await slot.remove();
    const folder = this.folderOf(identity);
    if (folder === undefined) return;
    // The folder of the first database holds the others, and the keys of the host.
    const isFirst = identity === this.first.identity;
    rmSync(isFirst ? join(folder, 'database.json') : folder, { recursive: true, force: true });
  }

  /** What is served now. */
  served(): readonly ServedDatabase[] {
    return [...this.byIdentity.values()].flatMap(({ slot }) => (slot.current === undefined ? [] : [slot.current]));
  }

  ofOwner(owner: string): readonly HostedDatabase[] {
    return [...this.byIdentity.values()].filter((database) => database.owner === owner && database.slot.current);
  }

  async close(): Promise<void> {
    await Promise.all([...this.byIdentity.values()].map(({ slot }) => slot.close()));
  }

  private made(identity: string, owner: string, names: readonly string[]): HostedDatabase {
    const slot = new DatabaseSlot(this.options.opener(owner, identity), this.folderOf(identity));
    return new HostedDatabase(identity, owner, names, slot);
  }

  private folderOf(identity: string): string | undefined {
    const folder = this.folder();
    return folder === undefined || identity === this.first.identity ? this.options.dataDir : join(folder, identity);
  }

  private folder(): string | undefined {
    const { dataDir } = this.options;
    return dataDir === undefined ? undefined : join(dataDir, 'databases');
  }
}

/** Undefined for a folder in which nothing was written down, or the creation of a database did not come to its end. */
function readRecord(folder: string): DatabaseRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'database.json'), 'utf8')) as DatabaseRecord;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HostError('data_dir_unusable', `What is known of the database in ${folder} cannot be read.`, { cause });
  }
}
