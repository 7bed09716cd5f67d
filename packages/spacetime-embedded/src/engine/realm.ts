import { TextDecoder, TextEncoder } from 'node:util';
import { constants, createContext, Script } from 'node:vm';
import { EngineError } from './errors.ts';
import { type GuestTools, guestBootstrap, type HostText } from './guest-bootstrap.ts';
import type { ModuleScript } from './module-script.ts';

/** What a module offers to its host. */
export interface ModuleHooks {
  __describe_module__(): Uint8Array;
  __get_error_constructor__(code: number): new (message: string) => Error;
  readonly __sender_error_class__: new (message: string) => Error;
  __call_reducer__(id: number, sender: bigint, connection: bigint, timestamp: bigint, args: DataView): undefined;
  __call_view__(id: number, sender: bigint, args: Uint8Array): { data: Uint8Array };
  __call_view_anon__(id: number, args: Uint8Array): { data: Uint8Array };
  __call_procedure__(id: number, sender: bigint, connection: bigint, timestamp: bigint, args: Uint8Array): Uint8Array;
  __call_http_handler__?(
    id: number,
    timestamp: bigint,
    request: Uint8Array,
    body: Uint8Array,
  ): readonly [response: Uint8Array, body: Uint8Array];
}

/** The functions of one version of the system module. */
export type SysModule = Readonly<Record<string, unknown>>;

/** A fresh copy of the module with its own globals. */
export interface Realm {
  readonly hooks: ModuleHooks;
  readonly tools: GuestTools;
}

const moduleHooks: unique symbol = Symbol('SpacetimeDB.moduleHooks.v2');
const encoder = new TextEncoder();
const settle = new Script('undefined');

const hostText: HostText = {
  encode: (text) => encoder.encode(text),
  encodeInto: (text, into) => encoder.encodeInto(text, into),
  decoder(label, fatal, ignoreBOM) {
    const decoder = new TextDecoder(label, { fatal, ignoreBOM });
    return (input, stream) => decoder.decode(input as Uint8Array, { stream });
  },
};

/**
 * Runs a module in a realm of its own. `linkSys` makes the system functions for it.
 *
 * This isolates globals, not trust: the module runs in this process with everything that node:vm leaves reachable.
 *
 * @throws {EngineError} `module_invalid`, `module_unsupported`.
 */
export function createRealm(
  module: ModuleScript,
  linkSys: (tools: GuestTools, hooks: () => ModuleHooks | undefined) => { sys20: SysModule; sys21: SysModule },
): Realm {
  // The realm has its own microtask queue, which is only run after evaluation: nothing can go on inside of a module
  // while no call is open.
  const context = createContext(constants.DONT_CONTEXTIFY, { microtaskMode: 'afterEvaluate' });
  const tools = (guestBootstrap.runInContext(context) as (host: HostText) => GuestTools)(hostText);
  let hooks: ModuleHooks | undefined;
  const { sys20, sys21 } = linkSys(tools, () => hooks);
  const versions = new Map([
    ['spacetime:sys@2.0', asModule({ ...sys20, moduleHooks })],
    ['spacetime:sys@2.1', asModule(sys21)],
  ]);
  let refused: EngineError | undefined;
  const require = (name: unknown): object => {
    const found = versions.get(String(name));
    if (found !== undefined) return found;
    refused ??= new EngineError(
      'module_unsupported',
      `The module imports "${String(name)}"; only spacetime:sys@2.0 and spacetime:sys@2.1 are there.`,
    );
    throw tools.error(refused.message);
  };
  try {
    const target = { exports: tools.object([]) };
    const run = module.script.runInContext(context) as (exports: object, require: unknown, target: object) => void;
    run(target.exports, require, target);
    // Lets what the module promised while loading come to its end.
    settle.runInContext(context);
    hooks = findHooks(namespaceOf(target.exports, tools));
  } catch (cause) {
    if (refused !== undefined) throw refused;
    if (cause instanceof EngineError) throw cause;
    throw new EngineError('module_invalid', `The module throws while it is loaded: ${messageOf(cause)}`, { cause });
  }
  if (refused !== undefined) throw refused;
  return { hooks, tools };
}

/** The text of whatever was thrown, from any realm. */
export function messageOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message);
  return String(thrown);
}

/** Marks an object so that the translated imports take it for a module without a default export. */
function asModule(functions: SysModule): object {
  return Object.defineProperty({ ...functions }, '__esModule', { value: true });
}

/** A module namespace lists its exports by their names' code units. */
function namespaceOf(exports: object, tools: GuestTools): Record<string, unknown> {
  const names = Object.keys(exports).sort();
  return tools.object(names.map((name) => [name, (exports as Record<string, unknown>)[name]])) as Record<
    string,
    unknown
  >;
}

function findHooks(namespace: Record<string, unknown>): ModuleHooks {
  const schema = namespace.default as { [moduleHooks]?: (namespace: object) => ModuleHooks } | undefined;
  const makeHooks = schema?.[moduleHooks];
  if (typeof makeHooks !== 'function') {
    throw new EngineError('module_invalid', 'The module has no default export made by schema().');
  }
  return makeHooks.call(schema, namespace);
}
