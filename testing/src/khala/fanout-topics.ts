import { workerEvents } from './topics.ts';
import type { KhalaWorld } from './world.ts';

/** Limits of one class of fan-out topics. */
export interface FanoutClass {
  readonly name: 'run_events' | 'worker_lifecycle' | 'fleet_workers' | 'codex_worker_events';
  readonly qos_tier: 'hot' | 'warm';
  readonly replay_budget_events: number;
  readonly publishes_per_second: number;
  readonly payload_bytes: number;
  /** Any of these scopes opens it. */
  readonly scopes: readonly string[];
}

/** One message of dialects B and C. */
export interface FanoutMessage {
  readonly topic: string;
  readonly sequence: number;
  readonly kind: string;
  readonly payload: unknown;
  readonly published_at: string;
}

/** What the memory of the fan-out holds of a topic. */
export interface FanoutWindow {
  /** The lowest cursor from which nothing is missing. */
  readonly oldest_available_cursor: number;
  readonly head_cursor: number;
  after(sequence: number, limit: number): FanoutMessage[];
}

/** Messages that the memory keeps of each topic. */
const memory = 1024;
const lifecycleScopes = [workerEvents, 'runtime.worker_lifecycle_events'];
const warm = {
  qos_tier: 'warm',
  publishes_per_second: 180,
  payload_bytes: 64 * 1024,
  scopes: lifecycleScopes,
} as const;

/** The class of a topic; undefined for names that the fan-out does not serve. */
export function fanoutClass(topic: string): FanoutClass | undefined {
  if (topic === workerEvents) {
    const limits = { replay_budget_events: 3000, publishes_per_second: 240, payload_bytes: 128 * 1024 };
    return { name: 'codex_worker_events', qos_tier: 'hot', ...limits, scopes: lifecycleScopes };
  }
  if (/^run:.+:events$/.test(topic)) {
    const limits = { replay_budget_events: 20_000, publishes_per_second: 240, payload_bytes: 256 * 1024 };
    return { name: 'run_events', qos_tier: 'warm', ...limits, scopes: ['runtime.run_events'] };
  }
  if (/^worker:.+:lifecycle$/.test(topic)) return { name: 'worker_lifecycle', replay_budget_events: 10_000, ...warm };
  if (/^fleet:(user|guest):.+:workers$/.test(topic)) {
    return { name: 'fleet_workers', replay_budget_events: 10_000, ...warm };
  }
  return undefined;
}

/**
 * The window of a topic. `worker:<id>:lifecycle` shows the worker <id>; every other topic but the one of all workers
 * shows the worker of that very name. An empty one has cursors 0.
 */
export function fanoutWindow(world: KhalaWorld, topic: string): FanoutWindow {
  if (topic === workerEvents) return topicWindow(world);
  const worker = world.workers.get(workerOf(topic));
  if (worker === undefined) return { oldest_available_cursor: 0, head_cursor: 0, after: () => [] };
  return {
    oldest_available_cursor: Math.max(worker.floor, worker.latest_seq - memory),
    head_cursor: worker.latest_seq,
    after: (sequence, limit) =>
      world.workers.after(worker, sequence, limit).map((event) => ({
        topic,
        sequence: event.seq,
        kind: event.event_type,
        payload: event.payload,
        published_at: event.occurred_at,
      })),
  };
}

/** The worker whose events a topic shows. */
export function workerOf(topic: string): string {
  return /^worker:(.+):lifecycle$/.exec(topic)?.[1] ?? topic;
}

function topicWindow(world: KhalaWorld): FanoutWindow {
  const log = world.log(workerEvents);
  return {
    oldest_available_cursor: Math.max(log.floor, log.head - memory),
    head_cursor: log.head,
    after: (sequence, limit) =>
      log.after(sequence, limit).map((entry) => ({
        topic: log.name,
        sequence: entry.watermark,
        kind: entry.kind,
        payload: entry.payload === null ? null : (JSON.parse(entry.payload) as unknown),
        published_at: new Date(entry.at).toISOString(),
      })),
  };
}

/** Why a cursor cannot be served, as both dialects tell it; undefined when it can. */
export function fanoutStale(topic: string, after: number, window: FanoutWindow): object | undefined {
  const { oldest_available_cursor, head_cursor } = window;
  const budget = fanoutClass(topic)?.replay_budget_events ?? 500;
  const lag = Math.max(0, head_cursor - after);
  const reasons = [
    ...(after < oldest_available_cursor ? ['retention_floor_breach'] : []),
    ...(lag > budget ? ['replay_budget_exceeded'] : []),
  ];
  if (reasons.length === 0) return undefined;
  return {
    topic,
    requested_cursor: after,
    oldest_available_cursor,
    head_cursor,
    reason_codes: reasons,
    replay_lag: lag,
    replay_budget_events: budget,
    qos_tier: fanoutClass(topic)?.qos_tier ?? 'cold',
  };
}

/** 400 ms and up to 250 ms more, always the same for the same consumer and topic. */
export function reconnectBackoff(topic: string, subject: string): number {
  let sum = 0;
  for (const unit of `${topic}|${subject}`) sum = (sum * 31 + (unit.codePointAt(0) ?? 0)) % 251;
  return 400 + sum;
}
