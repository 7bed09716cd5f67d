import { EngineError } from './errors.ts';
import type { ModuleScript } from './module-script.ts';
import { createRealm, messageOf, type SysModule } from './realm.ts';

const sys20Names = [
  'register_hooks',
  'table_id_from_name',
  'index_id_from_name',
  'datastore_table_row_count',
  'datastore_table_scan_bsatn',
  'datastore_index_scan_point_bsatn',
  'datastore_index_scan_range_bsatn',
  'row_iter_bsatn_advance',
  'datastore_insert_bsatn',
  'datastore_update_bsatn',
  'datastore_delete_by_index_scan_point_bsatn',
  'datastore_delete_by_index_scan_range_bsatn',
  'datastore_delete_all_by_eq_bsatn',
  'volatile_nonatomic_schedule_immediate',
  'console_log',
  'console_timer_start',
  'console_timer_end',
  'identity',
  'get_jwt_payload',
  'procedure_http_request',
  'procedure_start_mut_tx',
  'procedure_commit_mut_tx',
  'procedure_abort_mut_tx',
] as const;

/** What a module says of itself depends on nothing but the module, and one process often opens a module many times. */
const described = new WeakMap<ModuleScript, Uint8Array>();

/**
 * Runs a module once, only to ask what it is: tables, functions, views.
 *
 * @throws {EngineError} `module_invalid`, `module_unsupported`.
 */
export function describeModule(script: ModuleScript): Uint8Array {
  const known = described.get(script) ?? describe(script);
  described.set(script, known);
  return known;
}

function describe(script: ModuleScript): Uint8Array {
  const { hooks } = createRealm(script, (tools) => {
    const refuse = (): never => {
      throw tools.error('cannot call this function during module initialization');
    };
    const sys20: SysModule = Object.fromEntries(sys20Names.map((name) => [name, refuse]));
    return { sys20: { ...sys20, row_iter_bsatn_close: () => undefined }, sys21: { datastore_clear: refuse } };
  });
  try {
    return Uint8Array.from(hooks.__describe_module__());
  } catch (cause) {
    throw new EngineError('module_invalid', `The module cannot describe itself: ${messageOf(cause)}`, { cause });
  }
}
