import { openSync, writeSync } from 'node:fs';
import { type DefectName, withDefect } from './defects.ts';
import type { RecordLine, Seen } from './record.ts';
import { headOf, type RowText } from './rows.ts';
import { digestOf } from './state.ts';

/** Appends what a subscriber shows to its file, each line with one write, so that a kill cuts at most the last one. */
export class RecordFile {
  readonly #file: number;
  readonly #defect: ((seen: Seen) => Seen[]) | undefined;

  constructor(path: string, defect: DefectName | undefined) {
    this.#file = openSync(path, 'a', 0o600);
    this.#defect = defect === undefined ? undefined : withDefect(defect);
    // The empty line ends what a killed process may have left unfinished.
    writeSync(this.#file, '\n');
    this.write({ k: 'start', at: Date.now(), pid: process.pid });
  }

  write(line: Exclude<RecordLine, Seen>): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  seen(what: Omit<Seen, 'k' | 'at'>): void {
    const seen: Seen = { k: 'seen', at: Date.now(), ...what };
    for (const line of this.#defect?.(seen) ?? [seen]) writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/** What a cache shows, from all of its rows. */
export function viewOf(rows: readonly RowText[]): Seen['view'] {
  return { n: headOf(rows) ?? null, digest: digestOf(rows) };
}
