import { buildSchema } from './build-schema.ts';
import { describeModule } from './describe-module.ts';
import type { ModuleSchema } from './module-schema.ts';
import { type ModuleScript, translateModule } from './module-script.ts';
import { decodeRawModule } from './raw-module.ts';

/** A module with what it says of itself. @throws {EngineError} `module_invalid`, `module_unsupported`. */
export async function loadSchema(module: Uint8Array): Promise<{ script: ModuleScript; schema: ModuleSchema }> {
  const script = await translateModule(module);
  const raw = describeModule(script);
  return { script, schema: buildSchema(decodeRawModule(raw), raw, module) };
}
