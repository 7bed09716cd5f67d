import { MalformedMessage, WireReader } from './bsatn.ts';
import type { Protocol } from './protocol.ts';

/** What a client may send (v2 and v3). */
export type ClientMessage =
  | {
      readonly type: 'Subscribe';
      readonly requestId: number;
      readonly querySetId: number;
      readonly queries: readonly string[];
    }
  | {
      readonly type: 'Unsubscribe';
      readonly requestId: number;
      readonly querySetId: number;
      readonly sendDroppedRows: boolean;
    }
  | { readonly type: 'OneOffQuery'; readonly requestId: number; readonly query: string }
  | {
      readonly type: 'CallReducer' | 'CallProcedure';
      readonly requestId: number;
      readonly name: string;
      readonly args: Uint8Array;
    };

/**
 * The messages of one client payload, one after the other: a v3 payload holds one or more, and those before a malformed
 * one have been handed out by then.
 *
 * @throws {MalformedMessage}
 */
export function* clientMessages(protocol: Protocol, payload: Uint8Array): Generator<ClientMessage> {
  const reader = new WireReader(payload);
  yield readClientMessage(reader);
  // v2: one message, whatever follows is ignored.
  if (protocol === 'v2.bsatn.spacetimedb') return;
  while (reader.remaining > 0) yield readClientMessage(reader);
}

function readClientMessage(reader: WireReader): ClientMessage {
  const tag = reader.u8();
  const requestId = tag <= 4 ? reader.u32() : 0;
  switch (tag) {
    case 0: {
      const querySetId = reader.u32();
      const queries: string[] = [];
      // No array is made of the announced size: each entry must really be there.
      for (let left = reader.u32(); left > 0; left -= 1) queries.push(reader.string());
      return { type: 'Subscribe', requestId, querySetId, queries };
    }
    case 1: {
      const querySetId = reader.u32();
      const flags = reader.u8();
      if (flags > 1) throw new MalformedMessage(`unknown unsubscribe flag ${flags}`);
      return { type: 'Unsubscribe', requestId, querySetId, sendDroppedRows: flags === 1 };
    }
    case 2:
      return { type: 'OneOffQuery', requestId, query: reader.string() };
    case 3:
    case 4: {
      const flags = reader.u8();
      if (flags !== 0) throw new MalformedMessage(`unknown call flags ${flags}`);
      const name = reader.string();
      return { type: tag === 3 ? 'CallReducer' : 'CallProcedure', requestId, name, args: reader.bytes() };
    }
    default:
      throw new MalformedMessage(`unknown client message ${tag}`);
  }
}
