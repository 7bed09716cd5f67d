import path from 'node:path';
import { isGone, type Removal } from './removal.ts';

/**
 * A text without what is there for the lane only; undefined when all of it stays.
 *
 * - Documents: what stands between `<!-- khala:begin -->` and `<!-- khala:end -->`, each on a line of its own, and lines,
 *   such as rows of a table, with `<!-- khala -->`.
 * - Shell scripts and settings: lines that end in `# khala`.
 * - Code: an `export ... from` one line long whose file is gone. An import of such a file stays, to be found: something
 *   uses what it brings.
 * - JSON that is no manifest: entries of lists that name a file that is gone.
 *
 * @throws {Error} when a block of a document is opened or closed alone.
 */
export function withoutLane(file: string, text: string, removal: Removal): string | undefined {
  const kept = /\.md$/.test(file)
    ? withoutMarked(file, text, removal.word)
    : /\.[cm]?[jt]sx?$/.test(file)
      ? withoutExports(file, text, removal)
      : /\.json$/.test(file) && path.posix.basename(file) !== 'package.json'
        ? withoutEntries(text, removal)
        : linesWithout(text, new RegExp(`\\s#\\s*${removal.word}$`));
  return kept === text ? undefined : kept;
}

function withoutMarked(file: string, text: string, word: string): string {
  const begin = `<!-- ${word}:begin -->`;
  const end = `<!-- ${word}:end -->`;
  let open = false;
  let dropped = false;
  const kept: string[] = [];
  for (const line of text.split('\n')) {
    const mark = line.trim();
    if (mark === begin || mark === end) {
      if (open === (mark === begin)) throw new Error(`${file}: "${mark}" stands alone`);
      open = !open;
      dropped = true;
    } else if (open || line.includes(`<!-- ${word} -->`)) dropped = true;
    // One empty line on either side of a block would leave two.
    else if (!(dropped && line === '' && (kept.at(-1) ?? '') === '')) {
      kept.push(line);
      dropped = false;
    }
  }
  if (open) throw new Error(`${file}: "${begin}" stands alone`);
  return kept.join('\n');
}

function linesWithout(text: string, marked: RegExp): string {
  return text
    .split('\n')
    .filter((line) => !marked.test(line))
    .join('\n');
}

function withoutExports(file: string, text: string, removal: Removal): string {
  return text
    .split('\n')
    .filter((line) => {
      const [, , target] = line.match(/^export\b.*\bfrom\s+(['"])([^'"]+)\1;?$/) ?? [];
      return target === undefined || !isGone(file, target, removal);
    })
    .join('\n');
}

/** The lists of a JSON text without the files that are gone, whatever folder they are relative to. */
function withoutEntries(text: string, removal: Removal): string {
  // Two names are the least that tells one file from another.
  const gone = [...removal.laneFiles, ...removal.serving].flatMap((file) => {
    const names = file.split('/');
    return names.slice(0, -1).map((_, index) => names.slice(index).join('/'));
  });
  if (!gone.some((file) => text.includes(file))) return text;
  const isFile = (entry: unknown) =>
    typeof entry === 'string' && gone.some((file) => entry === file || entry.startsWith(`${file}/`));
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter((entry) => !isFile(entry)).map(clean);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clean(inner)]));
  };
  const before: unknown = JSON.parse(text);
  const after = clean(before);
  return JSON.stringify(after) === JSON.stringify(before) ? text : `${JSON.stringify(after, null, 2)}\n`;
}
