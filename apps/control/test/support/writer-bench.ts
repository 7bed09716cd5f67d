import { draftEvent, type Ports } from '@autopilot/sync-contract';
import { createClientRegistry } from '../../src/config/client-registry.ts';
import type { Client } from '../../src/config/clients-file.ts';
import { type Accept, createAccept } from '../../src/projections/accept.ts';
import { createMirrorIntake } from '../../src/mirror/mirror-intake.ts';
import { createOutbox, type Outbox, type PendingEvent } from '../../src/projections/outbox.ts';
import type { WriterLimits } from '../../src/projections/writer.ts';
import { createProjectionWriter, defaultWriterLimits, type ProjectionWriter } from '../../src/projections/writer.ts';
import { createStreamDirectory } from '../../src/spacetime/stream-directory.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { clients, issuer } from './harness.ts';
import { connect, type ScriptedDatabase, type ScriptedSink } from './scripted-database.ts';

/** A writer with its store and a scripted database. */
export interface WriterBench {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly accept: Accept;
  readonly writer: ProjectionWriter;
  readonly sink: ScriptedSink;
  readonly parked: { readonly event: PendingEvent; readonly code: string }[];
  readonly outcomes: string[];
  /** Ends it as a crash would: what is under way is not waited for. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

/** What a bench is made of. */
export interface BenchOptions {
  readonly dataDir: string;
  readonly database: ScriptedDatabase;
  readonly ports: Ports;
  readonly limits?: Partial<WriterLimits>;
  readonly clients?: readonly Client[];
  readonly offline?: boolean;
  readonly store?: string | undefined;
  readonly capacity?: number;
}

/** Opens the store and a writer over it, not started. */
export async function openBench(options: BenchOptions): Promise<WriterBench> {
  const { database, ports } = options;
  const store = await openStore({ dataDir: options.dataDir, url: options.store });
  const outbox = createOutbox(store, ports.clock);
  const sink = connect(database, { offline: options.offline ?? false });
  const parked: { event: PendingEvent; code: string }[] = [];
  const outcomes: string[] = [];
  const writer = createProjectionWriter({
    outbox,
    sink,
    directory: createStreamDirectory(sink, createClientRegistry(options.clients ?? clients, issuer), outbox.epochFor),
    ports,
    limits: { ...defaultWriterLimits, ...options.limits },
    observer: {
      appended: (code) => void outcomes.push(code),
      parked: (event, code) => void parked.push({ event, code }),
      failed: () => undefined,
    },
  });
  return {
    store,
    outbox,
    accept: createAccept({
      store,
      clock: ports.clock,
      random: ports.random,
      capacity: options.capacity ?? 1_000_000,
      mirror: createMirrorIntake({ enabled: () => false, capacity: 0, broken: () => undefined }),
    }),
    writer,
    sink,
    parked,
    outcomes,
    async crash() {
      const stopped = writer.stop();
      await store.close();
      await sink.close();
      await stopped;
    },
    async close() {
      const stopped = writer.stop();
      await sink.close();
      await stopped;
      await store.close();
    },
  };
}

/** Drafts with the keys `k<from>`... and a payload that tells them apart. */
export function drafts(stream_id: string, from: number, count: number) {
  return Array.from({ length: count }, (_, index) =>
    draftEvent({ stream_id, kind: 'item', payload: { n: from + index }, idempotency_key: `k${from + index}` }),
  );
}
