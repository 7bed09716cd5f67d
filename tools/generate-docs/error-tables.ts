import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ErrorSpec } from '../../packages/sync-contract/src/errors.ts';

/** One exported table of error codes. */
export interface ErrorTable {
  readonly owner: string;
  readonly file: string;
  readonly codes: Readonly<Record<string, ErrorSpec>>;
}

/** The contract first: others build on its codes. */
const places = ['packages/sync-contract', 'packages/*', 'modules/*', 'apps/*'];

/** Every table of error codes that a file `errors.ts` exports, each code once, where it comes from. */
export async function errorTables(root: string): Promise<readonly ErrorTable[]> {
  const found = places.flatMap((place) => globSync(`${place}/src/**/errors.ts`, { cwd: root }).sort());
  // The README of the lane to leave has its own table, and goes away with it.
  const files = new Set(found.filter((file) => !file.startsWith('packages/legacy-lane/')));
  const listed = new Set<ErrorSpec>();
  const tables: ErrorTable[] = [];
  for (const file of files) {
    const exported: Record<string, unknown> = await import(pathToFileURL(path.join(root, file)).href);
    for (const value of Object.values(exported)) {
      if (!isTable(value)) continue;
      // A table that is spread into another one keeps its rows: those are told of where they are from.
      const codes = Object.fromEntries(Object.entries(value).filter(([, spec]) => !listed.has(spec)));
      for (const spec of Object.values(codes)) listed.add(spec);
      if (Object.keys(codes).length > 0) tables.push({ owner: ownerOf(root, file), file, codes });
    }
  }
  return tables;
}

function isTable(value: unknown): value is Readonly<Record<string, ErrorSpec>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const specs: readonly unknown[] = Object.values(value);
  return specs.length > 0 && specs.every(isSpec);
}

function isSpec(value: unknown): value is ErrorSpec {
  if (typeof value !== 'object' || value === null) return false;
  const { recovery, next } = value as Partial<ErrorSpec>;
  return typeof recovery === 'string' && typeof next === 'string';
}

function ownerOf(root: string, file: string): string {
  const folder = file.split('/').slice(0, 2).join('/');
  return JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')).name;
}
