import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Plan } from './plan.ts';
import type { Rule } from './report.ts';

/** A run that once failed, kept so that it never fails again. */
export interface SeedFile {
  readonly seed: number;
  /** The day on which it was found, as YYYY-MM-DD. */
  readonly found_at: string;
  readonly rule: Rule;
  readonly what_was_wrong: string;
  readonly fixed_by: string;
  /** The plan of the seed as it was then, shrunk: a later generator makes another one of the same seed. */
  readonly plan: Plan;
}

/** Where regression files lie. */
const seedFolder = path.join(import.meta.dirname, '..', '..', 'fixtures', 'simulate-seeds');

/** Every regression file by name. */
export function readSeedFiles(folder = seedFolder): readonly (readonly [name: string, file: SeedFile])[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [name, JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as SeedFile]);
}

/** Writes a regression file; returns its path. */
export function writeSeedFile(file: SeedFile, name: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const target = path.join(folder, `${name}.json`);
  writeFileSync(target, `${JSON.stringify(file, undefined, 2)}\n`);
  return target;
}
