import type { Buffer } from 'node:buffer';
import { BinaryReader, type BinaryWriter } from 'spacetimedb';
import { withScratch } from '../scratch-writer.ts';
import type { ClientConnection } from './client-connection.ts';
import type { LogRecord, ModuleMark, SequenceReservation, StateImage } from './commit-log.ts';
import { encodeFrame } from './frames.ts';

/** The version of the files. Others are refused. */
export const logFormat = 1;

/** Whose database a file belongs to. Hex. */
export interface FileOwner {
  readonly identity: string;
  readonly owner: string;
}

/** What a frame of a log segment or of a snapshot holds. */
export type LogEntry =
  /** First in every segment; `base` is the offset before its first commit. */
  | ({ readonly kind: 'segment'; readonly format: number; readonly base: bigint } & FileOwner)
  | { readonly kind: 'commit'; readonly record: LogRecord }
  /** Written by a clean close: everything up to `offset` was on disk. */
  | { readonly kind: 'closed'; readonly offset: bigint }
  /** First in every snapshot. */
  | ({ readonly kind: 'snapshot'; readonly format: number; readonly image: Omit<StateImage, 'tables'> } & FileOwner)
  | { readonly kind: 'rows'; readonly table: string; readonly rows: readonly Uint8Array[] }
  /** Last in every snapshot. */
  | { readonly kind: 'end'; readonly rows: bigint };

const kinds = ['segment', 'commit', 'closed', 'snapshot', 'rows', 'end'] as const;

/** The frame of an entry; `durable` is the highest offset that is known to be on disk. */
export function entryFrame(entry: LogEntry, durable: bigint): Buffer {
  return withScratch(
    (writer) => writeEntry(writer, entry),
    (bytes) => encodeFrame(bytes, durable),
  );
}

function writeEntry(writer: BinaryWriter, entry: LogEntry): void {
  writer.writeU8(kinds.indexOf(entry.kind));
  switch (entry.kind) {
    case 'segment':
      writeFileOwner(writer, entry);
      writer.writeU64(entry.base);
      break;
    case 'commit':
      writeRecord(writer, entry.record);
      break;
    case 'closed':
      writer.writeU64(entry.offset);
      break;
    case 'snapshot':
      writeFileOwner(writer, entry);
      writer.writeU64(entry.image.offset);
      writeModule(writer, entry.image.module);
      writeSequences(writer, entry.image.sequences);
      writeClients(writer, entry.image.clients);
      break;
    case 'rows':
      writer.writeString(entry.table);
      writeBlobs(writer, entry.rows);
      break;
    case 'end':
      writer.writeU64(entry.rows);
      break;
  }
}

/** Rows are views over the bytes: who keeps one copies it. @throws when the bytes are no entry. */
export function decodeEntry(bytes: Uint8Array): LogEntry {
  const reader = new BinaryReader(bytes);
  const kind = kinds[reader.readU8()];
  switch (kind) {
    case 'segment':
      return { kind, ...readFileOwner(reader), base: reader.readU64() };
    case 'commit':
      return { kind, record: readRecord(reader) };
    case 'closed':
      return { kind, offset: reader.readU64() };
    case 'snapshot': {
      const file = readFileOwner(reader);
      const offset = reader.readU64();
      const module = readModule(reader);
      if (module === undefined) throw new Error('a snapshot names no module');
      return {
        kind,
        ...file,
        image: { offset, module, sequences: readSequences(reader), clients: readClients(reader) },
      };
    }
    case 'rows':
      return { kind, table: reader.readString(), rows: readBlobs(reader) };
    case 'end':
      return { kind, rows: reader.readU64() };
    default:
      throw new Error('unknown kind of log entry');
  }
}

function writeFileOwner(writer: BinaryWriter, file: FileOwner & { readonly format: number }): void {
  writer.writeU32(file.format);
  writer.writeString(file.identity);
  writer.writeString(file.owner);
}

function readFileOwner(reader: BinaryReader): FileOwner & { readonly format: number } {
  return { format: reader.readU32(), identity: reader.readString(), owner: reader.readString() };
}

function writeRecord(writer: BinaryWriter, record: LogRecord): void {
  writer.writeU64(record.offset);
  writer.writeI64(record.timestamp);
  writer.writeU32(record.tables.length);
  for (const { name, inserts, deletes } of record.tables) {
    writer.writeString(name);
    writeBlobs(writer, deletes);
    writeBlobs(writer, inserts);
  }
  writeSequences(writer, record.sequences);
  writeClients(writer, record.connected);
  writer.writeU32(record.disconnected.length);
  for (const id of record.disconnected) writer.writeString(id);
  writeModule(writer, record.module);
}

function readRecord(reader: BinaryReader): LogRecord {
  return {
    offset: reader.readU64(),
    timestamp: reader.readI64(),
    tables: readList(reader, () => {
      const name = reader.readString();
      const deletes = readBlobs(reader);
      return { name, deletes, inserts: readBlobs(reader) };
    }),
    sequences: readSequences(reader),
    connected: readClients(reader),
    disconnected: readList(reader, () => reader.readString()),
    module: readModule(reader),
  };
}

function writeModule(writer: BinaryWriter, module: ModuleMark | undefined): void {
  writer.writeBool(module !== undefined);
  if (module === undefined) return;
  writer.writeString(module.hash);
  writer.writeString(module.shape);
}

function readModule(reader: BinaryReader): ModuleMark | undefined {
  return reader.readBool() ? { hash: reader.readString(), shape: reader.readString() } : undefined;
}

function writeSequences(writer: BinaryWriter, sequences: readonly SequenceReservation[]): void {
  writer.writeU32(sequences.length);
  for (const { name, reserved } of sequences) {
    writer.writeString(name);
    writer.writeI256(reserved);
  }
}

function readSequences(reader: BinaryReader): SequenceReservation[] {
  return readList(reader, () => ({ name: reader.readString(), reserved: reader.readI256() }));
}

function writeClients(writer: BinaryWriter, clients: readonly ClientConnection[]): void {
  writer.writeU32(clients.length);
  for (const client of clients) {
    writer.writeString(client.connectionId);
    writer.writeString(client.identity);
    writer.writeString(client.jwtPayload);
  }
}

function readClients(reader: BinaryReader): ClientConnection[] {
  return readList(reader, () => ({
    connectionId: reader.readString(),
    identity: reader.readString(),
    jwtPayload: reader.readString(),
  }));
}

function writeBlobs(writer: BinaryWriter, blobs: readonly Uint8Array[]): void {
  writer.writeU32(blobs.length);
  for (const blob of blobs) writer.writeUInt8Array(blob);
}

function readBlobs(reader: BinaryReader): Uint8Array[] {
  return readList(reader, () => {
    const length = reader.readU32();
    // The bytes are a part of a larger buffer, beyond whose end the reader would not look.
    if (length > reader.remaining) throw new Error('a row ends too early');
    return reader.readBytes(length);
  });
}

function readList<T>(reader: BinaryReader, read: () => T): T[] {
  const count = reader.readU32();
  const out: T[] = [];
  for (let index = 0; index < count; index += 1) out.push(read());
  return out;
}
