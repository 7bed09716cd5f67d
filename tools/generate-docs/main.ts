// `pnpm generate:docs`: writes docs/generated from the data of the sources. With --check it only says whether it is current.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { documents } from './documents.ts';
import { staleDocuments } from './stale-documents.ts';

const root = path.dirname(path.dirname(import.meta.dirname));
const folder = path.join(root, 'docs', 'generated');
const made = await documents(root);

const present = Object.fromEntries(
  (existsSync(folder) ? readdirSync(folder) : []).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
);
const stale = staleDocuments(present, made);
if (process.argv.includes('--check')) {
  for (const name of stale) process.stderr.write(`docs/generated/${name} is not current; run: pnpm generate:docs\n`);
  process.stdout.write(`${Object.keys(made).length} generated documents checked, ${stale.length} findings\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  mkdirSync(folder, { recursive: true });
  for (const name of stale) {
    const text = made[name];
    if (text === undefined) rmSync(path.join(folder, name));
    else writeFileSync(path.join(folder, name), text);
    process.stdout.write(`docs/generated/${name} ${text === undefined ? 'deleted' : 'written'}\n`);
  }
}
