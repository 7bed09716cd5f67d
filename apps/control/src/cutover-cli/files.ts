import { createReadStream, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { CliError } from './errors.ts';

/** The value of a JSON file. @throws {CliError} `file_unreadable`, `file_invalid`. */
export function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError('file_invalid', `${file} is not JSON.`, { cause });
  }
}

/** The lines of a file, read as they are needed. @throws {CliError} `file_unreadable`. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** Writes a file as a whole: a reader sees the old one or the new one. @throws {CliError} `file_unwritable`. */
export function writeWhole(file: string, text: string): void {
  const draft = `${file}.${process.pid}.part`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(draft, text);
    renameSync(draft, file);
  } catch (cause) {
    rmSync(draft, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw new CliError('file_unwritable', `${file} cannot be written (${code}).`, { cause });
  }
}

/** Whether a path is a folder. @throws {CliError} `file_unreadable`. */
export async function isFolder(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isDirectory();
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** Files below a folder whose name ends so, in order; not those of installed packages. */
export async function filesBelow(folder: string, endings: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(folder, cause);
  });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules' && entry.name !== '.git') {
      found.push(...(await filesBelow(file, endings)));
    } else if (entry.isFile() && endings.some((ending) => entry.name.endsWith(ending))) found.push(file);
  }
  return found;
}

function unreadable(file: string, cause: unknown): CliError {
  const { code } = cause as NodeJS.ErrnoException;
  return new CliError('file_unreadable', `${file} cannot be read (${code}).`, { cause });
}
