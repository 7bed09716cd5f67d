import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { AlgebraicType, BinaryReader, BinaryWriter } from 'spacetimedb';
import type { CallerInfo, Commit, EngineDatabase, ProcedureResult, ReducerResult } from '../../src/engine/database.ts';
import { openDatabase } from '../../src/engine/open-database.ts';
import type { OpenDatabaseOptions } from '../../src/engine/open-database-options.ts';

export const owner = '11'.repeat(32);
export const databaseIdentity = 'dd'.repeat(32);
export const ann = 'aa'.repeat(32);
export const bob = 'bb'.repeat(32);

/** An open database with what tests want to do to it. */
export class DatabaseDriver {
  readonly database: EngineDatabase;
  readonly ports: ManualPorts;
  readonly commits: Commit[] = [];

  constructor(database: EngineDatabase, ports: ManualPorts) {
    this.database = database;
    this.ports = ports;
    database.onCommit((commit) => this.commits.push(commit));
  }

  static async open(module: Uint8Array, options: Partial<OpenDatabaseOptions> = {}): Promise<DatabaseDriver> {
    const ports = manualPorts();
    const database = await openDatabase({ module, owner, databaseIdentity, dataDir: undefined, ports, ...options });
    return new DatabaseDriver(database, (options.ports as ManualPorts | undefined) ?? ports);
  }

  args(name: string, values: Record<string, unknown>): Uint8Array {
    const { definition } = this.database;
    const params = (definition.reducers.get(name) ?? definition.procedures.get(name))?.params;
    const writer = new BinaryWriter(64);
    AlgebraicType.makeSerializer(AlgebraicType.Product(params ?? { elements: [] }))(writer, values);
    return Uint8Array.from(writer.getBuffer());
  }

  call(name: string, values: Record<string, unknown> = {}, caller: Partial<CallerInfo> = {}): ReducerResult {
    return this.database.callReducer(name, this.args(name, values), {
      identity: ann,
      connectionId: undefined,
      ...caller,
    });
  }

  async procedure(name: string, values: Record<string, unknown>): Promise<ProcedureResult> {
    return this.database.callProcedure(name, this.args(name, values), { identity: ann, connectionId: undefined });
  }

  /** What a procedure returned, decoded. */
  decode(name: string, result: ProcedureResult): unknown {
    const type = this.database.definition.procedures.get(name)?.returns;
    if (type === undefined || result.outcome !== 'returned')
      throw new Error(`nothing was returned: ${JSON.stringify(result.outcome)}`);
    return AlgebraicType.makeDeserializer(type)(new BinaryReader(result.value));
  }

  /** Runs a probe and gives back what it stored last. */
  probe(what: string, caller: Partial<CallerInfo> = {}): string | undefined {
    const result = this.call('probe', { what }, caller);
    if (result.outcome !== 'committed') throw new Error(`probe ${what}: ${JSON.stringify(result.outcome)}`);
    return this.said().at(-1);
  }

  said(): string[] {
    return this.values('result')
      .sort((a, b) => Number((a[0] as bigint) - (b[0] as bigint)))
      .map((row) => row[1] as string);
  }

  values(table: string): (readonly unknown[])[] {
    const definition = this.database.definition.tables.get(table);
    if (definition === undefined) throw new Error(`no table ${table}`);
    return [...this.database.rows(definition)].map((row) => row.values);
  }
}
