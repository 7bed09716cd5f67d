import type { HttpClient, Ports } from '@autopilot/sync-contract';
import { DesktopError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { FeedState } from '../view-model/desktop-state.ts';

/** What is published from this desktop. */
export interface FeedOptions {
  readonly kind: 'recorded' | 'codex';
  readonly feedFile: string | undefined;
  readonly feedPaceMs: number;
  readonly feedOnce: boolean;
}

/** The running feed. */
export interface Feed {
  state(): FeedState;
  close(): Promise<void>;
}

export interface FeedEnvironment extends FeedOptions {
  readonly dataDir: string;
  readonly control: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly log: Log;
}

/** @throws {DesktopError} `feed_unusable`. */
export async function startFeed(options: FeedEnvironment): Promise<Feed> {
  throw new DesktopError('feed_unusable', `This build has no ${options.kind} feed.`);
}
