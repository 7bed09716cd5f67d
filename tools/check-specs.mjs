// Every invariant of every SPEC.md stands in the name of a test of its package, and every id in a test's name stands in
// a SPEC.md. An id is a capital letter and a number: `**I1**` in prose (`**I1** to **I4**` for a run of them), or the
// first cell of a table row.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(path.join(root, file)));
const read = (file) => readFileSync(path.join(root, file), 'utf8');

/** The folder with the package.json that a file belongs to. */
function packageOf(file) {
  let folder = path.dirname(file);
  while (!existsSync(path.join(root, folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

const specs = new Map();
for (const file of tracked.filter((name) => path.basename(name) === 'SPEC.md')) {
  const folder = packageOf(file);
  const ids = specs.get(folder) ?? new Set();
  for (const [, bold, cell] of read(file).matchAll(/\*\*([A-Z]\d+)\*\*|^\| *`?([A-Z]\d+)`? *\|/gm))
    ids.add(bold ?? cell);
  for (const [, letter, first, last] of read(file).matchAll(/\*\*([A-Z])(\d+)\*\* to \*\*\1(\d+)\*\*/g)) {
    for (let number = Number(first); number <= Number(last); number += 1) ids.add(letter + number);
  }
  specs.set(folder, ids);
}

const findings = [];
let count = 0;
for (const [folder, ids] of specs) {
  if (ids.size === 0) findings.push(`${folder}: SPEC.md has no invariant with an id`);
  count += ids.size;
  const letters = new Set([...ids].map((id) => id[0]));
  const tested = new Set();
  const places = tracked.filter(
    (file) =>
      file.startsWith(`${folder}/`) && (/\/test\/.*\.ts$/.test(file) || /\/conformance(\/[^/]+)?\.ts$/.test(file)),
  );
  for (const file of places) {
    for (const [, names] of read(file).matchAll(/['"`]((?:[A-Z]\d+(?:, | and |: ?| ))+)/g)) {
      for (const [id] of names.matchAll(/[A-Z]\d+/g)) {
        tested.add(id);
        if (letters.has(id[0]) && !ids.has(id))
          findings.push(`${file}: names ${id}, which no SPEC.md of ${folder} has`);
      }
    }
  }
  for (const id of ids) if (!tested.has(id)) findings.push(`${folder}: no test is named by ${id}`);
}

for (const finding of new Set(findings)) process.stderr.write(`${finding}\n`);
process.stdout.write(`${count} invariants in ${specs.size} packages checked, ${new Set(findings).size} findings\n`);
process.exit(findings.length === 0 && count > 0 ? 0 : 1);
