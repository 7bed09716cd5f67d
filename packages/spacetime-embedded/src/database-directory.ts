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

/** What is written down of a database that was created over HTTP. */
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
   * Opens the databases of an earlier start, the first one excepted.
   *
   * @throws {HostError} `data_dir_unusable`.
   * @throws {EngineError}
   */
  async restore(): Promise<void> {
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
    const folder = this.folder();
    if (folder === undefined || identity === this.first.identity) return;
    const record: DatabaseRecord = { owner, names, isLocked };
    const path = join(folder, identity, 'database.json');
    try {
      mkdirSync(join(folder, identity), { recursive: true, mode: privateDirectory });
      writeFileSync(`${path}.new`, JSON.stringify(record), { mode: privateFile, flush: true });
      renameSync(`${path}.new`, path);
    } catch (cause) {
      throw new HostError('data_dir_unusable', `The database ${identity} cannot be kept in ${folder}.`, { cause });
    }
  }

  /** Ends a database and removes what is kept of it. Its names are free from the beginning of the call. */
  async remove(database: HostedDatabase): Promise<void> {
    const { identity, slot } = database;
    this.byIdentity.delete(identity);
    await slot.remove();
    const folder = this.folder();
    if (folder !== undefined) rmSync(join(folder, identity), { recursive: true, force: true });
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
    const folder = this.folder();
    const dataDir = folder === undefined ? undefined : join(folder, identity);
    return new HostedDatabase(identity, owner, names, new DatabaseSlot(this.options.opener(owner, identity), dataDir));
  }

  private folder(): string | undefined {
    const { dataDir } = this.options;
    return dataDir === undefined ? undefined : join(dataDir, 'databases');
  }
}

/** Undefined for a folder in which the creation of a database did not come to its end. */
function readRecord(folder: string): DatabaseRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'database.json'), 'utf8')) as DatabaseRecord;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HostError('data_dir_unusable', `What is known of the database in ${folder} cannot be read.`, { cause });
  }
}
