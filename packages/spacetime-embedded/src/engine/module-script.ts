import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { Script } from 'node:vm';
import { transform } from 'esbuild';
import { EngineError } from './errors.ts';

/** A module as a function of `(exports, require, module)`, compiled once and run in as many realms as needed. */
export interface ModuleScript {
  readonly script: Script;
}

/** Translations by hash of the module: they depend on nothing else, and one process often opens a module many times. */
const translated = new Map<string, ModuleScript>();
const keptTranslations = 16;

/**
 * Translates an ESM bundle. The work is done by a real parser, so what it accepts is ECMAScript, not a pattern.
 *
 * @throws {EngineError} `module_invalid` for text that is no module or uses top-level await.
 */
export async function translateModule(bytes: Uint8Array): Promise<ModuleScript> {
  const key = hash('sha256', bytes, 'hex');
  const known = translated.get(key);
  if (known !== undefined) return known;
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let code: string;
  try {
    ({ code } = await transform(source, {
      format: 'cjs',
      loader: 'js',
      platform: 'neutral',
      target: 'esnext',
      // Async functions become functions that make a Promise of the realm: see the realm's own Promise for why.
      supported: { 'async-await': false, 'async-generator': false, 'for-await': false },
      logLevel: 'silent',
    }));
  } catch (cause) {
    throw new EngineError('module_invalid', `The module cannot be read: ${firstMessage(cause)}`, { cause });
  }
  // Modules are strict code; on one line with the first statement, so that line numbers stay true.
  const script = new Script(`(function (exports, require, module) { 'use strict'; ${code}\n})`, {
    filename: 'module.js',
  });
  const [oldest] = translated.keys();
  if (translated.size >= keptTranslations && oldest !== undefined) translated.delete(oldest);
  const made = { script };
  translated.set(key, made);
  return made;
}

function firstMessage(cause: unknown): string {
  const errors = (cause as { errors?: { text: string; location: { line: number } | null }[] }).errors;
  const [first] = errors ?? [];
  if (first === undefined) return String(cause);
  return first.location === null ? first.text : `${first.text} (line ${first.location.line})`;
}
