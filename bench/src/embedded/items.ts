import type { BinaryWriter } from 'spacetimedb';
import { callReducer } from './raw-client.ts';

/** A row of the table `item`. */
export interface Item {
  readonly id: bigint;
  readonly topic: string;
  readonly text: string;
}

/** Makes rows with 200 bytes of text, one after the other; ids are never used twice. */
export function itemSource(text = 200): (topic?: string) => Item {
  const filler = 'x'.repeat(text);
  let next = 0n;
  return (topic) => {
    next += 1n;
    return { id: next, topic: topic ?? `topic ${next % 32n}`, text: filler };
  };
}

/** The call that inserts a row. */
export function putItem(request: number, item: Item): Uint8Array {
  return callReducer(request, 'put_item', (writer) => writeItem(writer, item));
}

function writeItem(writer: BinaryWriter, { id, topic, text }: Item): void {
  writer.writeU64(id);
  writer.writeString(topic);
  writer.writeString(text);
}
