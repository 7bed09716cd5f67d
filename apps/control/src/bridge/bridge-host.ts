import path from 'node:path';
import {
  BridgeProcess,
  type BridgeSettings,
  emptyJournal,
  nodeBridgeProcess,
  type ProcessSettings,
} from '@autopilot/nostr-bridge';
import type { CompatibilityWindow, Ports } from '@autopilot/sync-contract';
import type { Logger } from 'pino';
import { repeat } from '../repeat.ts';
import { serviceSubjects } from '../subjects.ts';
import type { BridgeConfig } from './bridge-config.ts';
import type { BridgeProcessData, LaneStatus } from './bridge-process.ts';
import { noteLastWord } from './last-word.ts';

/** What the bridge of a control is started with. */
export interface BridgeHostOptions {
  readonly config: BridgeConfig;
  /** Its file lies there. */
  readonly dataDir: string;
  /** Where control listens, and the secret of its own client. */
  readonly control: string;
  readonly secret: string;
  readonly window: CompatibilityWindow;
  readonly ports: Ports;
  readonly logger: Logger;
  /** What tests vary. */
  readonly settings?: Partial<BridgeSettings> | undefined;
  readonly process?: Partial<ProcessSettings> | undefined;
}

/** How the bridge stands: its process, and what the process says of itself and of the lane. */
export interface BridgeHostStatus extends Omit<ReturnType<BridgeProcess['status']>, 'more'> {
  readonly lane: LaneStatus | undefined;
  /** When a process last said how it stands, milliseconds since the Unix epoch; null when none has yet. */
  readonly as_of: number | null;
  /** Whether the process that runs has said it. Otherwise bridge, lane and memory are of a process that is over. */
  readonly present: boolean;
}

/** A bridge to Nostr in a process of its own. Nothing of control waits for it. */
export interface BridgeHost {
  status(): BridgeHostStatus;
  /**
   * Somebody says that what a provider asked for a job was paid: it is done then. Nothing is paid here.
   *
   * @throws {BridgeError} `unknown_job`, `job_refused`, `bridge_away`, `bridge_silent`
   */
  notePaid(request_id: string): Promise<void>;
  close(): Promise<void>;
}

const script = new URL('./bridge-process.ts', import.meta.url);

/**
 * Starts a bridge. It is begun again with backoff whenever it ends; the reason is logged.
 *
 * @throws {BridgeError} `invalid_option`
 */
export function startBridge(options: BridgeHostOptions): BridgeHost {
  const { config, dataDir, control, secret, window, ports, logger, settings, process: bounds } = options;
  const { relays, quorum, kinds, secretKey, profile, processor_share: share } = config;
  const data: BridgeProcessData = {
    settings: {
      file: path.join(dataDir, 'bridge.sqlite'),
      relays,
      ...(quorum === undefined ? {} : { quorum }),
      ...(kinds.length === 0 ? {} : { provider: { kinds } }),
      ...settings,
    },
    secretKey,
    kinds,
    profile,
    control,
    clientId: serviceSubjects.bridge,
    secret,
    compatibility: {
      client_build_id: window.max_client_build_id ?? window.min_client_build_id,
      protocol_version: [window.protocol_version].flat()[0],
      schema_version: window.max_schema_version,
    },
  };
  const { spawn, lastWord } = noteLastWord(
    nodeBridgeProcess({
      script,
      data,
      cacheFolder: path.join(dataDir, 'bridge-cache'),
      ...(share === undefined ? {} : { share }),
    }),
    ports.clock,
  );
  const supervised = new BridgeProcess({
    ports,
    spawn,
    journal: emptyJournal,
    ...(bounds === undefined ? {} : { settings: bounds }),
  });
  let told: string | undefined;
  const look = async () => {
    const { state, last_end } = supervised.status();
    if (last_end === told) return;
    told = last_end;
    logger.warn({ state, reason: last_end }, 'the bridge to Nostr ended, and is begun again');
  };
  const failed = (error: unknown) => logger.error({ err: error }, 'looking at the bridge failed');
  const cancelWatch = repeat(ports.scheduler, 1_000, look, failed);
  supervised.start();
  logger.info({ relays, kinds }, 'bridge to Nostr started');
  return {
    status() {
      const { more, ...status } = supervised.status();
      const { as_of, is_of_newest } = lastWord();
      const present = status.state === 'running' && is_of_newest;
      return { ...status, lane: more as LaneStatus | undefined, as_of, present };
    },
    notePaid: (request_id) => supervised.notePaid('provider', request_id),
    async close() {
      cancelWatch();
      await supervised.close();
    },
  };
}
