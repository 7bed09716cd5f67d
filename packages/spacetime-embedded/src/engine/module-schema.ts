import type { Deserializer } from 'spacetimedb';
import type { Walk } from './bsatn-walk.ts';
import type { DatabaseDefinition, FunctionDefinition, TableDefinition } from './database.ts';
import type { KeyEncoder } from './sort-key.ts';

/** Everything the engine knows about a module after loading it. */
export interface ModuleSchema {
  readonly definition: DatabaseDefinition;
  readonly tables: readonly TableSchema[];
  /** By canonical name and by the name in the source. */
  readonly tablesByName: ReadonlyMap<string, TableSchema>;
  readonly indexes: readonly IndexSchema[];
  readonly indexesByName: ReadonlyMap<string, IndexSchema>;
  readonly views: readonly ViewSchema[];
  /** Reducers and procedures by canonical name. */
  readonly functions: ReadonlyMap<string, FunctionSchema>;
  readonly lifecycle: Readonly<Partial<Record<'init' | 'on-connect' | 'on-disconnect', FunctionSchema>>>;
  /** What must stay the same for stored rows to keep their meaning. */
  readonly shape: string;
}

export interface RowSchema {
  /** One per column. */
  readonly walks: readonly Walk[];
  readonly decoders: readonly Deserializer<unknown>[];
}

export interface TableSchema extends RowSchema {
  readonly definition: TableDefinition;
  readonly position: number;
  readonly indexes: readonly IndexSchema[];
  readonly uniqueIndexes: readonly IndexSchema[];
  readonly sequences: readonly SequenceSchema[];
  readonly schedule: ScheduleSchema | undefined;
  /** BSATN values for columns that come with an update, by column. */
  readonly defaults: ReadonlyMap<number, Uint8Array>;
}

export interface IndexSchema {
  readonly id: number;
  readonly table: TableSchema;
  /** Position among the indexes of its table. */
  readonly position: number;
  readonly name: string;
  readonly columns: readonly number[];
  readonly unique: boolean;
  /** False for hash indexes. */
  readonly ranges: boolean;
  /** One per column. */
  readonly encoders: readonly KeyEncoder[];
  readonly walks: readonly Walk[];
}

export interface SequenceSchema {
  /** `table.column`: how the log names it. */
  readonly name: string;
  readonly column: number;
  readonly start: bigint;
  readonly min: bigint;
  readonly max: bigint;
  readonly increment: bigint;
  /** Bytes of the column. */
  readonly size: number;
}

export interface ScheduleSchema {
  readonly column: number;
  readonly functionName: string;
}

export interface ViewSchema extends RowSchema {
  readonly definition: TableDefinition;
  /** Its number among the anonymous, or among the sender views. */
  readonly moduleIndex: number;
}

export interface FunctionSchema {
  readonly kind: 'reducer' | 'procedure';
  /** Its number in the module. */
  readonly id: number;
  readonly definition: FunctionDefinition;
  readonly walks: readonly Walk[];
  /** True when a schedule table calls it. */
  readonly scheduled: boolean;
}
