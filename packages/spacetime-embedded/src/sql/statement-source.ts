import type { EngineDatabase } from '../engine/database.ts';
import type { RowSource } from './evaluate.ts';
import type { LimitSource } from './row-limit.ts';

/** What a statement reads, besides rows: views must be materialised while it does. */
export interface StatementSource extends RowSource, LimitSource {
  holdView: EngineDatabase['holdView'];
  write: EngineDatabase['write'];
  readonly definition: EngineDatabase['definition'];
}
