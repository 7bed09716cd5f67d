import { BinaryReader } from 'spacetimedb';

/** Rows of one table, as hex texts of their bytes. */
export interface SeenRows {
  readonly table: string;
  readonly rows: readonly string[];
}

export interface SeenUpdate {
  readonly set: number;
  readonly tables: readonly {
    readonly table: string;
    readonly parts: readonly (
      | { readonly inserts: readonly string[]; readonly deletes: readonly string[] }
      | { readonly events: readonly string[] }
    )[];
  }[];
}

export type Seen =
  | {
      readonly type: 'InitialConnection';
      readonly identity: string;
      readonly connectionId: string;
      readonly token: string;
    }
  | {
      readonly type: 'SubscribeApplied';
      readonly request: number;
      readonly set: number;
      readonly rows: readonly SeenRows[];
    }
  | {
      readonly type: 'UnsubscribeApplied';
      readonly request: number;
      readonly set: number;
      readonly rows: readonly SeenRows[] | undefined;
    }
  | {
      readonly type: 'SubscriptionError';
      readonly request: number | undefined;
      readonly set: number;
      readonly error: string;
    }
  | { readonly type: 'TransactionUpdate'; readonly sets: readonly SeenUpdate[] }
  | { readonly type: 'OneOffQueryResult'; readonly request: number; readonly result: readonly SeenRows[] | string }
  | {
      readonly type: 'ReducerResult';
      readonly request: number;
      readonly result:
        | { readonly ok: readonly SeenUpdate[] }
        | { readonly error: string }
        | { readonly internal: string };
    }
  | {
      readonly type: 'ProcedureResult';
      readonly request: number;
      readonly result: Uint8Array | { readonly error: string };
    };

/** Reads every message of a body. Written apart from the encoder, so that one checks the other. */
export function serverMessages(body: Uint8Array): Seen[] {
  const reader = new BinaryReader(body);
  const seen: Seen[] = [];
  while (reader.remaining > 0) seen.push(message(reader));
  return seen;
}

function message(r: BinaryReader): Seen {
  switch (r.readU8()) {
    case 0: {
      const identity = r.readU256().toString(16).padStart(64, '0');
      const connectionId = r.readU128().toString(16).padStart(32, '0');
      return { type: 'InitialConnection', identity, connectionId, token: r.readString() };
    }
    case 1:
      return { type: 'SubscribeApplied', request: r.readU32(), set: r.readU32(), rows: queryRows(r) };
    case 2:
      return {
        type: 'UnsubscribeApplied',
        request: r.readU32(),
        set: r.readU32(),
        rows: r.readU8() === 0 ? queryRows(r) : undefined,
      };
    case 3: {
      const request = r.readU8() === 0 ? r.readU32() : undefined;
      return { type: 'SubscriptionError', request, set: r.readU32(), error: r.readString() };
    }
    case 4:
      return { type: 'TransactionUpdate', sets: array(r, querySet) };
    case 5: {
      const request = r.readU32();
      return { type: 'OneOffQueryResult', request, result: r.readU8() === 0 ? queryRows(r) : r.readString() };
    }
    case 6: {
      const request = r.readU32();
      r.readI64();
      const tag = r.readU8();
      if (tag === 0) {
        if (r.readU32() !== 0) throw new Error('a reducer returned something');
        return { type: 'ReducerResult', request, result: { ok: array(r, querySet) } };
      }
      if (tag === 2) {
        r.readU32();
        return { type: 'ReducerResult', request, result: { error: r.readString() } };
      }
      return { type: 'ReducerResult', request, result: { internal: r.readString() } };
    }
    case 7: {
      const result = r.readU8() === 0 ? r.readUInt8Array() : { error: r.readString() };
      r.readI64();
      r.readI64();
      return { type: 'ProcedureResult', request: r.readU32(), result };
    }
    default:
      throw new Error('unknown server message');
  }
}

function array<Item>(r: BinaryReader, item: (r: BinaryReader) => Item): Item[] {
  return Array.from({ length: r.readU32() }, () => item(r));
}

function queryRows(r: BinaryReader): SeenRows[] {
  return array(r, () => ({ table: r.readString(), rows: rowList(r) }));
}

function querySet(r: BinaryReader): SeenUpdate {
  const set = r.readU32();
  const tables = array(r, () => ({
    table: r.readString(),
    parts: array(r, () => (r.readU8() === 0 ? { inserts: rowList(r), deletes: rowList(r) } : { events: rowList(r) })),
  }));
  return { set, tables };
}

function rowList(r: BinaryReader): string[] {
  const fixed = r.readU8() === 0 ? r.readU16() : undefined;
  const offsets = fixed === undefined ? array(r, () => Number(r.readU64())) : [];
  const data = Buffer.from(r.readUInt8Array());
  const starts =
    fixed === undefined ? offsets : Array.from({ length: data.length / fixed }, (_, index) => index * fixed);
  return starts.map((start, index) => data.subarray(start, starts[index + 1] ?? data.length).toString('hex'));
}
