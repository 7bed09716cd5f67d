import type { JsonValue } from '@autopilot/sync-contract';
import type { JournalEntry } from '../codex/journal.ts';
import { fitPayload } from './fit-payload.ts';
import { asFields, pick, projectItem } from './project-item.ts';
import { type Hidden, redact } from './redact.ts';

/** An event as `POST /v1/projections` takes it. */
export interface ProjectedEvent {
  /** `run:<thread>:events` or `worker:<device>:lifecycle`. */
  readonly topic: string;
  readonly kind: string;
  /** At most 16 KiB of canonical JSON. */
  readonly payload: JsonValue;
  /** `<boot_id>:<entry_id>`, so that the same entry always gives the same key. */
  readonly idempotency_key: string;
}

/** Options of {@link projectEntry}. */
export interface ProjectionOptions {
  readonly device_id: string;
  /** Texts of this machine that are not to be published, e.g. the home folder. */
  readonly hide?: readonly Hidden[];
}

type Fields = Readonly<Record<string, unknown>>;
type Project = (params: Fields) => Fields;

const approval: Project = (params) =>
  pick(params, ['turnId', 'itemId', 'kind', 'command', 'cwd', 'reason', 'grantRoot', 'startedAtMs']);
const item: Project = (params) => ({ ...pick(params, ['turnId']), item: projectItem(params.item) });
const turn: Project = ({ turn }) => {
  const fields = pick(asFields(turn), ['id', 'status', 'startedAt', 'completedAt', 'durationMs']);
  const error = asFields(asFields(turn).error);
  return { turn: typeof error.message === 'string' ? { ...fields, error: error.message } : fields };
};

/** What is published, by method. Everything that is not named here stays on this machine. */
const notifications: Readonly<Record<string, Project>> = {
  'thread/started': ({ thread }) => ({
    thread: pick(asFields(thread), ['cwd', 'model', 'modelProvider', 'cliVersion', 'createdAt', 'name']),
  }),
  'thread/status/changed': (params) => pick(params, ['status']),
  'thread/name/updated': (params) => pick(params, ['threadName']),
  'thread/closed': () => ({}),
  'thread/tokenUsage/updated': (params) => pick(params, ['turnId', 'tokenUsage']),
  'turn/started': turn,
  'turn/completed': turn,
  'item/started': item,
  'item/completed': item,
  'item/agentMessage/delta': (params) => pick(params, ['turnId', 'itemId', 'delta']),
  error: (params) => ({
    ...pick(params, ['turnId', 'willRetry']),
    message: asFields(params.error).message ?? 'no message given',
  }),
};

const requests: Readonly<Record<string, Project>> = {
  'item/commandExecution/requestApproval': approval,
  'item/fileChange/requestApproval': approval,
};

/** The kind of the event that tells how an approval request was answered. */
const approvalAnswered = 'approval/answered';

/**
 * What sync publishes of a journal entry: nothing, or events. Pure: the same entry gives the same events. What a thread
 * did goes to the topic of the run, what the lane did to the topic of the device.
 */
export function projectEntry(entry: JournalEntry, options: ProjectionOptions): readonly ProjectedEvent[] {
  const message = parse(entry.body);
  const event = (topic: string, kind: string, payload: Fields): readonly ProjectedEvent[] => [
    {
      topic,
      kind,
      payload: fitPayload(payload, (text) => redact(text, options.hide ?? [])),
      idempotency_key: `${entry.boot_id}:${entry.entry_id}`,
    },
  ];
  if (entry.direction === 'lane') {
    const payload = { ...pick(message, ['feed', 'state', 'code', 'message']), at_ms: entry.at_ms };
    return event(`worker:${options.device_id}:lifecycle`, entry.method, payload);
  }
  if (entry.thread_id === null) return [];
  const topic = `run:${entry.thread_id}:events`;
  if (entry.direction === 'to-server') {
    if (own(requests, entry.method) === undefined || message.method !== undefined) return [];
    const decision = asFields(message.result).decision ?? 'refused';
    return event(topic, approvalAnswered, { request_id: message.id, decision, at_ms: entry.at_ms });
  }
  const isRequest = message.id !== undefined;
  const project = own(isRequest ? requests : notifications, entry.method);
  if (project === undefined || message.method === undefined) return [];
  const params = project(asFields(message.params));
  const identified = isRequest ? { request_id: message.id, ...params } : params;
  return event(topic, entry.method, { ...identified, at_ms: entry.at_ms });
}

function own(table: Readonly<Record<string, Project>>, method: string): Project | undefined {
  return Object.hasOwn(table, method) ? table[method] : undefined;
}

function parse(text: string): Fields {
  try {
    return asFields(JSON.parse(text));
  } catch {
    // The journal keeps what it was given; what is no JSON has nothing to publish.
    return {};
  }
}
