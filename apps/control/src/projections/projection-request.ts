import {
  draftEvent,
  type EventDraft,
  isCodedError,
  streamIdForTopic,
  topicForStreamId,
} from '@autopilot/sync-contract';
import { z } from 'zod';
import { describeIssues } from '../config/describe-issues.ts';
import { ControlError, type ControlErrorCode } from '../errors.ts';

/** How much one request may carry. */
export const projectionLimits = { events: 500, bodyBytes: 1024 * 1024, payloadBytes: 256 * 1024 } as const;

const bodySchema = z.strictObject({ events: z.array(z.unknown()).min(1).max(projectionLimits.events) });

const text = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((value) => value.isWellFormed(), 'holds a lone surrogate');

const itemSchema = z
  .strictObject({
    topic: text(256).optional(),
    stream_id: text(512).optional(),
    kind: text(128),
    payload: z.unknown(),
    idempotency_key: text(256),
  })
  .refine((item) => (item.topic === undefined) !== (item.stream_id === undefined), 'give either topic or stream_id');

/** What is wrong with one item of a request. */
export interface ItemProblem {
  readonly index: number;
  readonly code: ControlErrorCode;
  readonly message: string;
}

/**
 * Reads the body of POST /v1/projections.
 *
 * @throws {ControlError} `invalid_request`; `details.items` names every malformed item with its index and code.
 */
export function parseProjectionRequest(body: unknown): readonly EventDraft[] {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) throw new ControlError('invalid_request', `The body is wrong: ${describeIssues(parsed.error)}.`);
  const drafts: EventDraft[] = [];
  const items: ItemProblem[] = [];
  parsed.data.events.forEach((item, index) => {
    const outcome = parseItem(item);
    if ('code' in outcome) items.push({ index, ...outcome });
    else drafts.push(outcome);
  });
  if (items.length > 0) {
    const message = `${items.length} of ${parsed.data.events.length} events are malformed; nothing was accepted.`;
    throw new ControlError('invalid_request', message, { details: { items } });
  }
  return drafts;
}

function parseItem(value: unknown): EventDraft | Omit<ItemProblem, 'index'> {
  const parsed = itemSchema.safeParse(value);
  if (!parsed.success) return { code: 'invalid_request', message: describeIssues(parsed.error) };
  const { topic, stream_id, kind, payload, idempotency_key } = parsed.data;
  try {
    const id = stream_id ?? streamIdForTopic(topic ?? '');
    topicForStreamId(id);
    const draft = draftEvent({ stream_id: id, kind, payload, idempotency_key });
    if (Buffer.byteLength(draft.payload) > projectionLimits.payloadBytes) {
      return {
        code: 'payload_too_large',
        message: `The payload is longer than ${projectionLimits.payloadBytes} bytes.`,
      };
    }
    return draft;
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { code: error.code as ControlErrorCode, message: error.message };
  }
}
