import type { LogLine } from './database.ts';

const keptLines = 2000;
const keptCharacters = 4000;

/** The last lines that the module logged. */
export class ModuleLogs {
  readonly #lines: LogLine[] = [];
  readonly #now: () => bigint;
  readonly #listeners = new Set<(line: LogLine) => void>();

  constructor(now: () => bigint) {
    this.#now = now;
  }

  add(level: LogLine['level'], message: string): void {
    const text = message.length > keptCharacters ? `${message.slice(0, keptCharacters)}...` : message;
    const line = { ts: this.#now(), level, message: text };
    this.#lines.push(line);
    if (this.#lines.length > keptLines * 2) this.#lines.splice(0, this.#lines.length - keptLines);
    for (const listener of this.#listeners) listener(line);
  }

  onLine(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  last(limit: number): readonly LogLine[] {
    const count = Math.min(Math.max(0, Math.floor(limit)), keptLines);
    return count === 0 ? [] : this.#lines.slice(-count);
  }
}
