import type { Ports } from '@autopilot/sync-contract';
import type { Logger } from 'pino';
import { randomId } from '../issuer/random-id.ts';
import type { Metrics } from '../metrics/registry.ts';
import { explain } from '../projections/stream-attempts.ts';
import type { Store } from '../store/open-store.ts';
import type { KhalaTarget } from './khala-target.ts';
import { createMirrorIntake, type MirrorIntake } from './mirror-intake.ts';
import { createMirrorQueue, type MirrorDepth } from './mirror-queue.ts';
import { createMirrorWriter, defaultMirrorLimits, type MirrorLimits } from './mirror-writer.ts';

/** What a mirror is made of. */
export interface MirrorOptions {
  readonly store: Store;
  /** Undefined where control was started without a khala. */
  readonly target: KhalaTarget | undefined;
  readonly ports: Ports;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly limits?: Partial<MirrorLimits> | undefined;
  /** Events that may wait for khala; 1,000,000 when missing. */
  readonly capacity?: number | undefined;
}

/** The way of accepted events to khala. */
export interface Mirror {
  readonly intake: MirrorIntake;
  /** Whether there is a khala to write to. */
  readonly present: boolean;
  /** Why the last call failed; undefined since the last one that did not. */
  readonly lastError: { readonly code: string; readonly message: string } | undefined;
  /** Whether the stage wants khala to have what is accepted: nothing is taken and nothing is sent while it does not. */
  want(wanted: boolean): void;
  nudge(streamIds: readonly string[]): void;
  depth(): Promise<MirrorDepth>;
  reachable(): Promise<boolean>;
  clear(): Promise<number>;
  start(): void;
  stop(): Promise<void>;
}

/** A mirror; one that takes nothing where there is no target. */
export function createMirror(options: MirrorOptions): Mirror {
  const { store, target, ports, metrics, logger } = options;
  const queue = createMirrorQueue(store, ports.clock);
  let wanted = true;
  let lastError: Mirror['lastError'];

  function broken(stream_id: string, reason: string, events: number, error?: unknown): void {
    metrics.count('cutover_mirror_events_total', { outcome: 'dropped' }, events);
    const why = error === undefined ? {} : { refusal: explain(error) };
    logger.error({ stream_id, reason, events, ...why }, 'stream is mirrored no more: khala has missed an event of it');
  }

  const writer =
    target === undefined
      ? undefined
      : createMirrorWriter({
          queue,
          target,
          ports,
          limits: { ...defaultMirrorLimits, ...options.limits },
          holder: randomId(ports.random),
          wanted: () => wanted,
          observer: {
            published(outcome) {
              lastError = undefined;
              metrics.count('cutover_mirror_events_total', { outcome });
            },
            failed(stream_id, error) {
              lastError = explain(error);
              metrics.count('cutover_mirror_events_total', { outcome: 'retry' });
              logger.warn({ stream_id, ...lastError }, 'khala will be tried again');
            },
            broken,
          },
        });

  return {
    intake: createMirrorIntake({
      enabled: () => writer !== undefined && wanted,
      capacity: options.capacity ?? 1_000_000,
      broken,
    }),
    present: target !== undefined,
    get lastError() {
      return lastError;
    },
    want(value) {
      const again = value && !wanted;
      wanted = value;
      if (again) writer?.nudge([]);
    },
    nudge: (streamIds) => writer?.nudge(streamIds),
    depth: () => queue.depth(),
    reachable: async () => (await target?.reachable()) ?? false,
    clear: () => queue.clear(),
    start: () => writer?.start(),
    stop: async () => writer?.stop(),
  };
}
