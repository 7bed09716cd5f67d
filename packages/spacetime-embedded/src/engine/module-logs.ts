import type { LogLine } from './database.ts';

const keptLines = 2000;
const keptCharacters = 4000;

/** The last lines that the module logged. */
export class ModuleLogs {
  readonly #lines: LogLine[] = [];
  readonly #now: () => bigint;

  constructor(now: () => bigint) {
    this.#now = now;
  }

  add(level: LogLine['level'], message: string): void {
    const text = message.length > keptCharacters ? `${message.slice(0, keptCharacters)}...` : message;
    this.#lines.push({ ts: this.#now(), level, message: text });
    if (this.#lines.length > keptLines * 2) this.#lines.splice(0, this.#lines.length - keptLines);
  }

  last(limit: number): readonly LogLine[] {
    const count = Math.min(Math.max(0, Math.floor(limit)), keptLines);
    return count === 0 ? [] : this.#lines.slice(-count);
  }
}
