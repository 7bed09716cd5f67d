import path from 'node:path';
import type { HttpClient, Ports } from '@autopilot/sync-contract';
import { type Journal, openJournal } from '../codex/journal.ts';
import type { CodexLane } from '../codex/lane-status.ts';
import { startCodexLane } from '../codex/start-codex-lane.ts';
import { basicAuthorization, startPublisher } from '../projection/start-publisher.ts';
import type { FeedState } from '../view-model/desktop-state.ts';
import { codexFolder } from './codex-folder.ts';
import { feedState } from './feed-state.ts';

/** What is published from this desktop. */
export interface FeedOptions {
  readonly kind: 'recorded' | 'codex';
  readonly feedFile: string | undefined;
  readonly feedPaceMs: number;
  readonly feedOnce: boolean;
  readonly codexPrompt: string;
  /** Where Codex works; undefined for a new folder in the data folder. */
  readonly codexDir: string | undefined;
  /** The environment of the Codex program. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const passedOn = [
  ...['PATH', 'HOME', 'TMPDIR', 'LANG', 'CODEX_HOME', 'CODEX_BIN', 'CODEX_API_KEY', 'OPENAI_API_KEY'],
  ...['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'all_proxy', 'no_proxy'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR'],
];

/** The running feed. */
export interface Feed {
  state(): FeedState;
  close(): Promise<void>;
}

export interface FeedEnvironment extends FeedOptions {
  /** Exists already. */
  readonly dataDir: string;
  readonly control: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly ports: Ports;
  readonly http: HttpClient;
}

/**
 * Starts the agent's lane, which writes its journal, and the publisher, which reads it. The lane knows nothing of the
 * publisher, so that control may be dead without the agent noticing.
 *
 * @throws {CodexError | ProjectionError} with everything that was already running stopped again.
 */
export async function startFeed(options: FeedEnvironment): Promise<Feed> {
  const { dataDir, ports, kind } = options;
  const home = options.env.HOME;
  const journal = openJournal({ file: path.join(dataDir, 'codex-journal.sqlite'), clock: ports.clock });
  let lane: CodexLane | undefined;
  try {
    lane = startLane(options, journal);
    const publisher = startPublisher({
      ...{ journal, ports, http: options.http, url: options.control },
      stateFile: path.join(dataDir, 'publisher.sqlite'),
      authorization: () => basicAuthorization(options.clientId, options.clientSecret),
      projection: { device_id: options.clientId, hide: home === undefined ? [] : [{ text: home, as: '~' }] },
    });
    const started = lane;
    return {
      state: () => feedState(kind, started.status(), publisher.status()),
      async close() {
        await started.stop();
        await publisher.stop();
        journal.close();
      },
    };
  } catch (error) {
    await lane?.stop();
    journal.close();
    throw error;
  }
}

function startLane(options: FeedEnvironment, journal: Journal): CodexLane {
  const { kind, ports, feedFile, feedPaceMs, feedOnce, codexPrompt, env } = options;
  if (kind === 'recorded') {
    return startCodexLane({ journal, ports, feed: 'recorded', file: feedFile, paceMs: feedPaceMs, once: feedOnce });
  }
  // What an agent runs sees the least of this process that lets it work.
  const passed = Object.fromEntries(passedOn.map((name) => [name, env[name]]));
  return startCodexLane({
    ...{ journal, ports, feed: 'codex', prompt: codexPrompt, env: passed },
    ...codexFolder(options.codexDir, options.dataDir),
    // Nobody can be asked from the health page yet, so nothing that needs a person's consent is run.
    approve: 'decline',
  });
}
