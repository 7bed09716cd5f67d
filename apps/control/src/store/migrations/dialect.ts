import { type ColumnDefinitionBuilder, sql } from 'kysely';

/** The kinds of database that hold the store. */
export type Dialect = 'sqlite' | 'postgres';

/** What is spelled differently. */
export function columnsOf(dialect: Dialect) {
  return {
    /** A key that counts up by itself. */
    counting: (column: ColumnDefinitionBuilder) =>
      dialect === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey().generatedAlwaysAsIdentity(),
    countingType: dialect === 'sqlite' ? ('integer' as const) : ('bigint' as const),
    // Compared byte by byte whatever the locale of the server: prefixes are looked up as ranges.
    streamId: dialect === 'sqlite' ? ('text' as const) : sql`text collate "C"`,
  };
}
