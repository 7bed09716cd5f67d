import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** Whose streams the store holds: known from the last token, so that a start without control can show them. */
export interface Binding {
  readonly database: string;
  /** Hex. */
  readonly identity: string;
}

const schema = z.object({ database: z.string().min(1), identity: z.string().min(1) });

/** Where the binding of a data folder is. */
export function bindingFile(dataDir: string): string {
  return path.join(dataDir, 'binding.json');
}

/** The binding of the last run; undefined when there is none, or none that can be read: the next token tells it again. */
export function readBinding(file: string): Binding | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Writes the binding so that a reader finds the old one or the new one. */
export function writeBinding(file: string, binding: Binding): void {
  const next = `${file}.next`;
  writeFileSync(next, `${JSON.stringify(binding)}\n`);
  renameSync(next, file);
}
