import { KhalaError } from './errors.ts';

type FieldName = 'times' | 'topic' | 'worker' | 'route' | 'connection' | 'ms' | 'status' | 'payload' | 'action' | 'on';

/** Where a fault acts, and the fields it takes besides `fault`. */
interface FaultRow {
  readonly acts: 'event' | 'batch' | 'http' | 'upgrade' | 'at-once';
  readonly fields: readonly FieldName[];
  readonly what: string;
}

/** Every fault of the fixture. The table in testing/README.md is checked against this one. */
export const faultTable = {
  duplicate_batch: { acts: 'batch', fields: ['times', 'topic'], what: 'the next batch is pushed twice' },
  reorder_updates: {
    acts: 'batch',
    fields: ['times', 'topic'],
    what: 'the updates of the next batch of two or more come in reverse order',
  },
  binary_frame: { acts: 'batch', fields: ['times', 'topic'], what: 'the next batch comes in binary messages' },
  malformed_frame_base64: {
    acts: 'batch',
    fields: ['times', 'topic'],
    what: 'the sync:frame of the next batch has payload_bytes that are not base64',
  },
  malformed_frame_json: {
    acts: 'batch',
    fields: ['times', 'topic'],
    what: 'the sync:frame of the next batch has payload_bytes that are not JSON',
  },
  withhold_event: {
    acts: 'event',
    fields: ['times', 'worker'],
    what: 'the next event is stored and never pushed live; replay and HTTP have it',
  },
  lose_event: {
    acts: 'event',
    fields: ['times', 'worker'],
    what: 'the next event gets its numbers and a 202, and is stored nowhere',
  },
  payload_null: {
    acts: 'event',
    fields: ['times', 'worker'],
    what: 'the next event is pushed with payload null and hydration_required; HTTP has its payload',
  },
  wrong_payload_hash: {
    acts: 'event',
    fields: ['times', 'worker'],
    what: 'the next event is pushed with a wrong hash',
  },
  changed_payload: {
    acts: 'event',
    fields: ['times', 'worker', 'payload'],
    what: 'the next event is stored and pushed with another payload, its hash right for that one',
  },
  append_twice: {
    acts: 'event',
    fields: ['times', 'worker'],
    what: 'the next event is appended twice; the answer has the first seq',
  },
  lost_response: {
    acts: 'http',
    fields: ['times', 'worker'],
    what: 'the next posted event is appended, and the connection ends without an answer',
  },
  lost_request: {
    acts: 'http',
    fields: ['times', 'worker'],
    what: 'the connection of the next posted event ends before it is appended',
  },
  delay: {
    acts: 'http',
    fields: ['times', 'ms', 'on'],
    what: 'the next answer over HTTP (`on: "http"`) or live push (`on: "push"`) comes `ms` later',
  },
  http_status: {
    acts: 'http',
    fields: ['times', 'status', 'route'],
    what: 'the next request of a route (token, workers, fanout, revoke; any without) is answered with `status`',
  },
  refuse_connections: {
    acts: 'upgrade',
    fields: ['times', 'status'],
    what: 'the next websocket upgrade is answered with `status`, or cut without an answer',
  },
  phx_error: { acts: 'at-once', fields: ['connection'], what: 'the channel ends with phx_error' },
  phx_close: { acts: 'at-once', fields: ['connection'], what: 'the channel ends with phx_close' },
  tcp_close: { acts: 'at-once', fields: ['connection'], what: 'the TCP connection is cut without a close frame' },
  short_frame: { acts: 'at-once', fields: ['connection'], what: 'a message of four elements is pushed' },
  slow_consumer: {
    acts: 'at-once',
    fields: ['connection', 'topic', 'action'],
    what: 'the slow_consumer error is pushed with `action` throttle or disconnect',
  },
} as const satisfies Record<string, FaultRow>;

/** The name of a fault. */
export type FaultName = keyof typeof faultTable;

/** A fault as a test asks for it. */
export interface FaultRequest {
  readonly fault: FaultName;
  /** How often it acts; default 1. */
  readonly times?: number | 'always';
  readonly topic?: string;
  readonly worker?: string;
  readonly route?: 'token' | 'workers' | 'fanout' | 'revoke';
  /** The number of a connection; without, all open ones. */
  readonly connection?: number;
  readonly ms?: number;
  readonly status?: number;
  readonly payload?: unknown;
  readonly action?: 'throttle' | 'disconnect';
  readonly on?: 'http' | 'push';
}

/** A checked fault. */
export interface KhalaFault extends FaultRequest {
  readonly acts: FaultRow['acts'];
  readonly times: number | 'always';
}

const checks: Readonly<Record<FieldName, { ok: (value: unknown) => boolean; form: string }>> = {
  times: { ok: (value) => value === 'always' || isCount(value, 1), form: '"always" or a whole number from 1' },
  topic: { ok: isText, form: 'a text' },
  worker: { ok: isText, form: 'a text' },
  route: {
    ok: (value) => ['token', 'workers', 'fanout', 'revoke'].includes(value as string),
    form: 'token, workers, fanout or revoke',
  },
  connection: { ok: (value) => isCount(value, 1), form: 'the number of a connection' },
  ms: { ok: (value) => isCount(value, 0), form: 'whole milliseconds' },
  status: { ok: (value) => isCount(value, 400) && (value as number) <= 599, form: 'an HTTP status from 400 to 599' },
  payload: { ok: () => true, form: 'any JSON value' },
  action: { ok: (value) => value === 'throttle' || value === 'disconnect', form: 'throttle or disconnect' },
  on: { ok: (value) => value === 'http' || value === 'push', form: 'http or push' },
};

/** Fields without which a fault cannot act. */
const required: Partial<Record<FaultName, readonly FieldName[]>> = {
  delay: ['ms', 'on'],
  http_status: ['status'],
  slow_consumer: ['action'],
};

/** @throws {KhalaError} `invalid_fault` with what is wrong. */
export function parseFault(value: unknown): KhalaFault {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new KhalaError('invalid_fault', 'A fault is an object with the member "fault".');
  }
  const request = value as Record<string, unknown>;
  const name = request.fault;
  if (typeof name !== 'string' || !Object.hasOwn(faultTable, name)) {
    throw new KhalaError('invalid_fault', `There is no fault ${JSON.stringify(name)}.`);
  }
  const row: FaultRow = faultTable[name as FaultName];
  for (const [field, given] of Object.entries(request)) {
    if (field === 'fault') continue;
    if (!row.fields.includes(field as FieldName)) {
      const fields = row.fields.join(', ');
      throw new KhalaError('invalid_fault', `The fault ${name} takes ${fields}, not ${JSON.stringify(field)}.`);
    }
    const { ok, form } = checks[field as FieldName];
    if (!ok(given)) {
      throw new KhalaError('invalid_fault', `${field} of the fault ${name} must be ${form}.`);
    }
  }
  for (const field of required[name as FaultName] ?? []) {
    if (request[field] === undefined) {
      throw new KhalaError('invalid_fault', `The fault ${name} needs ${field}: ${checks[field].form}.`);
    }
  }
  return { times: 1, ...(request as unknown as FaultRequest), acts: row.acts } as KhalaFault;
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
