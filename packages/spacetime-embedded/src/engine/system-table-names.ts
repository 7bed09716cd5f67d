/** The system tables of SpacetimeDB 2.8.3, in the order of their ids, which begin with 1. No module may use their names. */
export const systemTableNames = [
  'st_table',
  'st_column',
  'st_sequence',
  'st_index',
  'st_constraint',
  'st_module',
  'st_client',
  'st_var',
  'st_scheduled',
  'st_row_level_security',
  'st_connection_credentials',
  'st_view',
  'st_view_param',
  'st_view_column',
  'st_view_sub',
  'st_view_arg',
  'st_event_table',
  'st_table_accessor',
  'st_index_accessor',
  'st_column_accessor',
] as const;

/** The name of a system table. */
export type SystemTableName = (typeof systemTableNames)[number];

/** Whether a name is one of a system table. */
export function isSystemTableName(name: string): name is SystemTableName {
  return systemTableNames.some((known) => known === name);
}
