import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { type Child, startChild } from '../host/child.ts';
import { type Contestant, type Figures, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { peakMemoryOf } from '../measure/peak-memory.ts';
import { rounded } from '../measure/print.ts';
import { bareInsert } from './bare-items.ts';
import { itemSource } from './items.ts';
import type { RecoveryQuestion } from './recovery-server.ts';

/** A start that reads what was kept. */
export interface RecoveryFigure {
  readonly name: string;
  readonly megabytes: number | null;
  readonly rows_per_second: number | null;
  /** Seconds for a gigabyte (2^30) of files: by the clock, and of processor time. */
  readonly seconds_per_gb: number | null;
  readonly cpu_seconds_per_gb: number | null;
  /** Megabytes (2^20) that the process had at most. */
  readonly peak_mb: number | null;
  /** How many times as much it takes as a bare insert of the same rows, 1,000 a commit. */
  readonly of_insert_cpu: number | null;
  /** How many times as much it takes as reading the same files and their checksums. */
  readonly of_read_cpu: number | null;
}

interface Kept {
  readonly name: string;
  readonly dataDir: string;
  readonly bytes: number;
}

/** @param folder Files are made in it: about three times the log. */
export async function measureRecovery(
  folder: string,
  { rows, rounds }: { readonly rows: number; readonly rounds: number },
): Promise<RecoveryFigure[]> {
  const own = mkdtempSync(path.join(folder, 'recovery-'));
  try {
    const kept = [
      await keep('log, a row a commit', own, rows, { perCommit: 1, snapshots: false }),
      await keep('log, 1,000 rows a commit', own, rows, { perCommit: 1_000, snapshots: false }),
      await keep('snapshot', own, rows, { perCommit: 1_000, snapshots: true }),
    ];
    const peaks = new Map<string, number[]>();
    const next = itemSource();
    const figures = await inTurns(
      [
        bareInsert('bare insert, 1,000 a commit', own, () => next(), rows, 1_000),
        ...kept.flatMap((each) => [reading(each, rows), opening(each, peaks)]),
      ],
      { units: rows, rounds },
    );
    return figuresOf(figures, rows, kept, peaks);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

async function keep(
  name: string,
  folder: string,
  rows: number,
  { perCommit, snapshots }: { readonly perCommit: number; readonly snapshots: boolean },
): Promise<Kept> {
  const dataDir = path.join(folder, name.replaceAll(/\W+/g, '-'));
  const { ask, end } = startProcess();
  await ask({ ask: 'bundle' });
  await ask({ ask: 'open', dataDir, snapshots });
  await ask({ ask: 'write', rows, perCommit });
  await end({ ask: 'close' });
  const bytes = dataFiles(dataDir).reduce((sum, file) => sum + statSync(file).size, 0);
  return { name, dataDir, bytes };
}

function startProcess(): Child<RecoveryQuestion> {
  return startChild(path.join(import.meta.dirname, 'recovery-server.ts'), ['--max-old-space-size=8192']);
}

/** Each turn has a process of its own, as a start has. */
function opening({ name, dataDir }: Kept, peaks: Map<string, number[]>): Contestant {
  let child: Child<RecoveryQuestion> | undefined;
  return {
    name,
    cpu: async () => Number(await child?.ask({ ask: 'cpu' })),
    prepare: async () => {
      const own = startProcess();
      child = own;
      await own.ask({ ask: 'bundle' });
      return {
        work: async () => void (await own.ask({ ask: 'open', dataDir, snapshots: false })),
        check: async () => {
          peaks.set(name, [...(peaks.get(name) ?? []), peakMemoryOf(own.pid)]);
          const found = await own.ask({ ask: 'count' });
          await own.end({ ask: 'close' });
          return Number(found);
        },
      };
    },
  };
}

/** Reads the files and their checksums: nothing is made of them. */
function reading({ name, dataDir, bytes }: Kept, rows: number): Contestant {
  return {
    name: readName(name),
    prepare: () => {
      let read = 0;
      return {
        work: async () => {
          for (const file of dataFiles(dataDir)) {
            const content = await readFile(file);
            crc32(content);
            read += content.length;
          }
        },
        // Every start and end adds a little to the files.
        check: () => (read >= bytes ? rows : 0),
      };
    },
  };
}

function dataFiles(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /\.(log|snapshot)$/.test(name));
  return names.map((name) => path.join(folder, name));
}

function readName(name: string): string {
  return `reading: ${name}`;
}

function figuresOf(
  figures: readonly Figures[],
  rows: number,
  kept: readonly Kept[],
  peaks: ReadonlyMap<string, number[]>,
): RecoveryFigure[] {
  const byName = new Map(figures.map((each) => [each.name, each]));
  const [inserted] = figures;
  if (inserted === undefined) throw new Error('nothing was measured');
  return figures.map((own) => {
    const files = kept.find(({ name }) => name === own.name || readName(name) === own.name);
    const read = files === undefined ? undefined : byName.get(readName(files.name));
    const wall = median(own.turns.map((turn) => turn.wall));
    const cpu = median(own.turns.map((turn) => turn.cpu));
    // Turns tell microseconds for a row.
    const perGigabyte = (rows / 1_000_000) * (2 ** 30 / (files?.bytes ?? Number.NaN));
    return {
      name: own.name,
      megabytes: rounded((files?.bytes ?? Number.NaN) / 2 ** 20),
      rows_per_second: rounded(Math.round(1_000_000 / wall)),
      seconds_per_gb: rounded(wall * perGigabyte),
      cpu_seconds_per_gb: rounded(cpu * perGigabyte),
      peak_mb: rounded(median(peaks.get(own.name)?.slice(1) ?? []) / 2 ** 20),
      of_insert_cpu: rounded(timesAsMuch(own, inserted, 'cpu')),
      of_read_cpu: rounded(read === undefined ? Number.NaN : timesAsMuch(own, read, 'cpu')),
    };
  });
}
