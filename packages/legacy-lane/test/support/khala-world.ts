import type { Lane, LaneSignal, SyncEvent } from '@autopilot/sync-contract';
import { topicForStreamId } from '@autopilot/sync-contract';
import { systemHttp } from '@autopilot/sync-contract/system-ports';
import { type KhalaOptions, type KhalaServer, startKhala, waitFor } from '@autopilot/testing';
import { createKhalaLane, type KhalaLane, type KhalaLaneOptions, workerEventsTopic } from '../../src/index.ts';
import { CountedPorts } from './counted-ports.ts';

/** The epoch of the events that `append` writes. */
export const epoch = 'epoch-1';

/** A lane with everything it said. */
export interface Client {
  readonly lane: KhalaLane;
  readonly signals: LaneSignal[];
  /** What was saved of the topic's cursor, one after the other. */
  readonly saved: bigint[];
  readonly asked: string[];
  events(streamId: string): SyncEvent[];
  seqs(streamId: string): number[];
  of<Type extends LaneSignal['type']>(type: Type): Extract<LaneSignal, { type: Type }>[];
}

/** A running khala with lanes that read it over real sockets. */
export class World {
  readonly khala: KhalaServer;
  readonly counted = new CountedPorts();
  readonly #lanes: Lane[] = [];

  private constructor(khala: KhalaServer) {
    this.khala = khala;
  }

  static async start(options: KhalaOptions = {}): Promise<World> {
    return new World(await startKhala(options));
  }

  client(options: Partial<KhalaLaneOptions> & { readonly cursor?: bigint } = {}): Client {
    const { cursor, ...rest } = options;
    const saved: bigint[] = cursor === undefined ? [] : [cursor];
    const asked: string[] = [];
    const lane = createKhalaLane({
      ports: this.counted.ports,
      http: systemHttp,
      socket: this.counted.socket,
      url: this.khala.url,
      token: async (reason) => {
        asked.push(reason);
        return { token: this.khala.token(), expires_at: Date.now() + 300_000 };
      },
      owns: () => true,
      build: { client_build_id: '20260101T000000Z', protocol_version: 'khala.ws.v1', schema_version: 1 },
      cursors: { load: () => saved.at(-1) ?? null, save: (_topic, watermark) => void saved.push(watermark) },
      backoff: { floorMs: 10, baseMs: 10, capMs: 40 },
      ...rest,
    });
    this.#lanes.push(lane);
    const signals: LaneSignal[] = [];
    lane.listen((signal) => signals.push(signal));
    const events = (streamId: string) =>
      signals.flatMap((signal) => (signal.type === 'batch' && signal.stream_id === streamId ? signal.events : []));
    return {
      lane,
      signals,
      saved,
      asked,
      events,
      seqs: (streamId) => events(streamId).map(({ seq }) => Number(seq)),
      of: (type) =>
        signals.filter((signal): signal is Extract<LaneSignal, { type: typeof type }> => signal.type === type),
    };
  }

  /** Appends events to the worker of a stream, as the mirror does. */
  append(streamId: string, from: number, to: number): void {
    const worker = topicForStreamId(streamId);
    for (let n = from; n <= to; n += 1) {
      this.khala.publish(worker, {
        event_type: 'worker.tick',
        payload: { oa_mirror: { v: 1, epoch, idempotency_key: `key-${n}` }, body: { n } },
      });
    }
  }

  /** Keeps the newest events of a stream, and as many of the topic. */
  keep(streamId: string, newest: number): void {
    this.khala.trimWorker(topicForStreamId(streamId), newest);
    this.khala.trim(workerEventsTopic, newest);
  }

  until(condition: () => boolean, what: string): Promise<unknown> {
    return waitFor(condition, { describe: what, timeoutMs: 8000, everyMs: 2 });
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
    await this.khala.close();
  }
}

/** 1, 2, ..., n. */
export function upTo(n: number, from = 1): number[] {
  return Array.from({ length: n - from + 1 }, (_, index) => from + index);
}
