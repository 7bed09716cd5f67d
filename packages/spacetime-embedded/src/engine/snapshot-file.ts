import { open, rename } from 'node:fs/promises';
import { privateFile } from '../private-mode.ts';
import type { StateImage } from './commit-log.ts';
import { snapshotPath, syncDirectory } from './data-files.ts';
import { FrameReader } from './frame-reader.ts';
import { decodeEntry, entryFrame, type FileOwner, type LogEntry, logFormat } from './log-codec.ts';

const chunkBytes = 1 << 20;

/** Writes the state at one offset; the file is there whole or not at all. Returns its size. */
export async function writeSnapshot(directory: string, file: FileOwner, image: StateImage): Promise<number> {
  const path = snapshotPath(directory, image.offset);
  const handle = await open(`${path}.tmp`, 'w', privateFile);
  let size = 0;
  try {
    const put = async (entry: LogEntry): Promise<void> => {
      const frame = entryFrame(entry, image.offset);
      await handle.writeFile(frame);
      size += frame.length;
    };
    const { tables, ...rest } = image;
    await put({ kind: 'snapshot', format: logFormat, identity: file.identity, owner: file.owner, image: rest });
    let count = 0n;
    for (const { name, rows } of tables) {
      for (const chunk of chunks(rows)) {
        await put({ kind: 'rows', table: name, rows: chunk });
        count += BigInt(chunk.length);
      }
    }
    await put({ kind: 'end', rows: count });
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.tmp`, path);
  await syncDirectory(directory);
  return size;
}

/** Reads a snapshot, entry by entry. @throws when anything of it is damaged or missing. */
export async function* readSnapshot(path: string): AsyncGenerator<LogEntry, void> {
  const reader = await FrameReader.open(path);
  try {
    let rows = 0n;
    let ended = false;
    for (;;) {
      const frame = reader.take();
      if (frame === undefined) {
        if (await reader.more()) continue;
        break;
      }
      const entry = decodeEntry(frame.payload);
      if (ended) throw new Error('something stands behind the end');
      if (entry.kind === 'rows') rows += BigInt(entry.rows.length);
      if (entry.kind === 'end') {
        if (entry.rows !== rows) throw new Error('rows are missing');
        ended = true;
      }
      yield entry;
    }
    if (reader.at < reader.size) throw new Error(`no whole frame stands at byte ${reader.at}`);
    if (!ended) throw new Error('the end is missing');
  } finally {
    await reader.close();
  }
}

function* chunks(rows: readonly Uint8Array[]): Generator<Uint8Array[], void> {
  let chunk: Uint8Array[] = [];
  let size = 0;
  for (const row of rows) {
    chunk.push(row);
    size += row.length;
    if (size < chunkBytes) continue;
    yield chunk;
    chunk = [];
    size = 0;
  }
  if (chunk.length > 0) yield chunk;
}
