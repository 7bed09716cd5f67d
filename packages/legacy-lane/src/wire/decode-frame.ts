import { z } from 'zod';
import { type KhalaFrameError, undecodable, undecodableBy } from './decode-error.ts';
import type { Channel, KhalaFrame, KhalaReply, KhalaServerError } from './frame.ts';
import {
  compatRefusal,
  forbiddenTopic,
  frameEnvelope,
  heartbeat,
  heartbeatReply,
  joinedReply,
  reauthRequired,
  slowConsumer,
  staleCursor,
  subscribedReply,
  unsubscribedReply,
  updateBatch,
} from './schemas.ts';

const text = z.string();
const textOrNull = z.string().nullable();
const record = z.record(z.string(), z.unknown());
const replyShape = z.object({ status: z.enum(['ok', 'error']), response: record });

type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: KhalaFrameError };
type Fields = Readonly<Record<string, unknown>>;

/** Where in which text something is decoded. */
interface Place {
  readonly text: string;
  readonly path: string;
  readonly twin: boolean;
}

/**
 * Reads one text message of dialect A (Phoenix channel, `vsn=2.0.0`): a JSON array of exactly five elements. Never
 * throws: what cannot be read is an error with a code, a path and an excerpt.
 */
export function decodeKhalaFrame(message: string): KhalaFrame | KhalaFrameError {
  try {
    return decode(message);
  } catch {
    // Nothing above throws by design; a text that proves otherwise must not end the connection.
    return undecodable('not_a_frame', '', 'The message could not be read.', message);
  }
}

function decode(message: string): KhalaFrame | KhalaFrameError {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return undecodable('not_json', '', 'The message is not JSON.', message);
  }
  if (!Array.isArray(value) || value.length !== 5) {
    return undecodable('not_a_frame', '', 'The message is not an array of five elements.', message);
  }
  const [join_ref, ref, topic, event, payload] = value as unknown[];
  const place: Place = { text: message, path: '', twin: false };
  const head = z
    .tuple([textOrNull, textOrNull, text, text])
    .safeParse([join_ref, ref, topic, event], { reportInput: true });
  if (!head.success) return undecodableBy(head.error, '', message);
  const [joinRef, reference, channelTopic, name] = head.data;
  const inside = { ...place, path: '/4' };
  switch (name) {
    case 'phx_reply': {
      const reply = decodeReply(payload, inside);
      return reply.ok ? { type: 'reply', ref: reference, topic: channelTopic, reply: reply.value } : reply.error;
    }
    case 'sync:update_batch':
      return push('UPDATE_BATCH', payload, 'event', inside);
    case 'sync:heartbeat':
      return push('HEARTBEAT', payload, 'event', inside);
    case 'sync:error':
      return push('ERROR', payload, 'event', inside);
    case 'sync:frame':
      return decodeTwin(payload, { ...inside, twin: true });
    case 'phx_error':
      return { type: 'channel_error', topic: channelTopic, join_ref: joinRef };
    case 'phx_close':
      return { type: 'channel_close', topic: channelTopic, join_ref: joinRef };
    default:
      return { type: 'other', event: name };
  }
}

/** The second copy of a push: base64 of the JSON of the same payload. */
function decodeTwin(payload: unknown, place: Place): KhalaFrame | KhalaFrameError {
  const envelope = by(frameEnvelope, payload, place);
  if (!envelope.ok) return envelope.error;
  const at = { ...place, path: `${place.path}/payload_bytes` };
  const bytes = fromBase64(envelope.value.payload_bytes);
  if (bytes === undefined) return undecodable('not_base64', at.path, 'payload_bytes is not base64.', place.text, true);
  let inner: unknown;
  try {
    inner = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undecodable('twin_not_json', at.path, 'payload_bytes holds no JSON.', place.text, true);
  }
  const kind = envelope.value.kind.replace(/^KHALA_FRAME_KIND_/, '');
  return push(kind, inner, 'frame', at);
}

function push(kind: string, payload: unknown, channel: Channel, place: Place): KhalaFrame | KhalaFrameError {
  switch (kind) {
    case 'UPDATE_BATCH': {
      const batch = by(updateBatch, payload, place);
      return batch.ok ? { type: 'update_batch', channel, batch: batch.value } : batch.error;
    }
    case 'HEARTBEAT': {
      const beat = by(heartbeat, payload, place);
      return beat.ok ? { type: 'heartbeat', channel, watermarks: beat.value.watermarks } : beat.error;
    }
    case 'ERROR': {
      const fields = by(record, payload, place);
      if (!fields.ok) return fields.error;
      const error = decodeServerError(fields.value, place);
      return error.ok ? { type: 'error', channel, error: error.value } : error.error;
    }
    case 'SUBSCRIBED':
      return { type: 'subscribed', channel };
    default:
      return undecodable('unknown_kind', place.path, 'The frame is of an unknown kind.', place.text, place.twin);
  }
}

function decodeReply(payload: unknown, place: Place): Decoded<KhalaReply> {
  const reply = by(replyShape, payload, place);
  if (!reply.ok) return reply;
  const { status, response } = reply.value;
  const at = { ...place, path: `${place.path}/response` };
  if (status === 'error') {
    const error = decodeServerError(response, at);
    return error.ok ? { ok: true, value: { status, error: error.value } } : error;
  }
  return decodeAnswer(response, at);
}

/** The answers have no name: they are told apart by the members that only one of them has. */
function decodeAnswer(response: Fields, place: Place): Decoded<KhalaReply> {
  if ('allowed_topics' in response) {
    return mapped(by(joinedReply, response, place), (fields) => ({ status: 'ok', kind: 'joined', ...fields }));
  }
  if ('watermarks' in response) {
    return mapped(by(heartbeatReply, response, place), (fields) => ({ status: 'ok', kind: 'heartbeat', ...fields }));
  }
  if ('current_watermarks' in response) {
    return mapped(by(subscribedReply, response, place), (fields) => ({ status: 'ok', kind: 'subscribed', ...fields }));
  }
  if (Object.keys(response).length === 0) return { ok: true, value: { status: 'ok', kind: 'empty' } };
  return mapped(by(unsubscribedReply, response, place), (fields) => ({
    status: 'ok',
    kind: 'unsubscribed',
    ...fields,
  }));
}

/** Reads the object of an error. A code that is not known here is kept by name; what has neither code nor reason is not. */
function decodeServerError(fields: Fields, place: Place): Decoded<KhalaServerError> {
  const { code } = fields;
  switch (code) {
    case 'stale_cursor':
      return by(staleCursor, fields, place);
    case 'slow_consumer':
      return by(slowConsumer, fields, place);
    case 'reauth_required':
      return by(reauthRequired, fields, place);
    case 'forbidden_topic':
      return by(forbiddenTopic, fields, place);
    case 'bad_topic':
    case 'bad_subscription':
      return { ok: true, value: { code, message: messageOf(fields) } };
    default: {
      if (compatRefusal.shape.code.safeParse(code).success) return by(compatRefusal, fields, place);
      // Phoenix itself says only `reason`, e.g. "unmatched topic".
      const name = typeof code === 'string' ? code : fields.reason;
      if (typeof name === 'string') return { ok: true, value: { code: 'other', name, message: messageOf(fields) } };
      const path = `${place.path}/code`;
      return {
        ok: false,
        error: undecodable('missing_field', path, 'The error has no code.', place.text, place.twin),
      };
    }
  }
}

function messageOf(fields: Fields): string {
  return typeof fields.message === 'string' ? fields.message : '';
}

function by<Schema extends z.ZodType>(schema: Schema, value: unknown, place: Place): Decoded<z.output<Schema>> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, error: undecodableBy(result.error, place.path, place.text, place.twin) };
}

function mapped<From, To>(decoded: Decoded<From>, map: (value: From) => To): Decoded<To> {
  return decoded.ok ? { ok: true, value: map(decoded.value) } : decoded;
}

const base64Form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function fromBase64(encoded: string): Uint8Array | undefined {
  return base64Form.test(encoded) ? Buffer.from(encoded, 'base64') : undefined;
}
