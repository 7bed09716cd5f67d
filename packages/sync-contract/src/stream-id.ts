import { SyncError } from './errors.ts';

const prefix = 'runtime.';
const plain = /^[A-Za-z0-9_-]$/;

/**
 * The stream id of a topic: `run:42:events` becomes `runtime.run.42.events`. Injective: `:` becomes `.`, and every
 * character outside `A-Z a-z 0-9 _ -` becomes the uppercase percent escapes of its UTF-8 bytes, a dot included.
 *
 * @throws {SyncError} `invalid_topic` for a topic with a lone surrogate.
 */
export function streamIdForTopic(topic: string): string {
  if (!topic.isWellFormed()) throw new SyncError('invalid_topic', 'The topic holds a lone surrogate.');
  return prefix + topic.split(':').map(escapeSegment).join('.');
}

/**
 * The topic of a stream id.
 *
 * @throws {SyncError} `invalid_stream_id` for a text that {@link streamIdForTopic} does not make.
 */
export function topicForStreamId(streamId: string): string {
  const topic = streamId.startsWith(prefix) ? unescapeTopic(streamId.slice(prefix.length)) : undefined;
  // Comparing the way back refuses every second spelling: lowercase escapes, escapes of plain characters, raw bytes.
  if (topic === undefined || streamIdForTopic(topic) !== streamId) {
    throw new SyncError('invalid_stream_id', `"${streamId}" is not a stream id.`, { details: { stream_id: streamId } });
  }
  return topic;
}

function escapeSegment(segment: string): string {
  let out = '';
  for (const character of segment) {
    out += plain.test(character)
      ? character
      : // encodeURIComponent leaves !'()*~. alone; those are single bytes.
        character.length === 1 && character.charCodeAt(0) < 0x80
        ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
        : encodeURIComponent(character);
  }
  return out;
}

function unescapeTopic(rest: string): string | undefined {
  if (!rest.isWellFormed()) return undefined;
  try {
    return rest.split('.').map(decodeURIComponent).join(':');
  } catch {
    return undefined;
  }
}
