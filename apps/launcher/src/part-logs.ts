import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import path from 'node:path';

/** pino's number for a warning: what is below is of interest only to somebody who looks for it. */
const warning = 40;

/** Keeps what the parts log: all of it in files, what a person must see handed on. */
export interface PartLogs {
  add(part: string, line: string): void;
  /** Resolves when everything is in the files. */
  close(): Promise<void>;
}

/** Log files in `folder`, one for each part, appended to. */
export function openPartLogs(folder: string, show: (text: string) => void): PartLogs {
  const files = new Map<string, WriteStream>();
  return {
    add(part, line) {
      let file = files.get(part);
      if (file === undefined) {
        // Not before there is something to keep: a start that is refused leaves no folder behind.
        mkdirSync(folder, { recursive: true });
        file = createWriteStream(path.join(folder, `${part}.log`), { flags: 'a', mode: 0o600 });
        files.set(part, file);
      }
      file.write(`${line}\n`);
      if (isForPeople(line)) show(`[${part}] ${line}`);
    },
    async close() {
      await Promise.all([...files.values()].map((file) => new Promise<void>((resolve) => file.end(resolve))));
    },
  };
}

/** A line that is no JSON was written for people; a JSON line is when it is a warning or worse. */
function isForPeople(line: string): boolean {
  try {
    const record = JSON.parse(line) as { level?: unknown };
    return typeof record.level !== 'number' || record.level >= warning;
  } catch {
    return true;
  }
}
