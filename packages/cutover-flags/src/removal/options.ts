import type { Clock } from '@autopilot/sync-contract';
import { RemovalError } from './errors.ts';

/** What to look for. Every default is that of this repository; another one gives its own. */
export interface RemovalOptions {
  /** Dates the result and judges the allow file. */
  readonly clock: Pick<Clock, 'now'>;
  /** The word for the lane. Default `khala`. */
  readonly lane?: string;
  /** Packages that hold the lane's client. Default `@autopilot/legacy-lane`. */
  readonly packages?: readonly string[];
  /** The only files that may load such a package, by path pattern. Default any `lanes/khala.*`. */
  readonly laneFiles?: readonly string[];
  /** Paths at which nothing may be left, tracked or not. */
  readonly retiredPaths?: readonly string[];
  /** Environment variables of the cutover. */
  readonly toggles?: readonly string[];
  /** Paths, topics and hosts of the lane, as they stand in a text. */
  readonly endpoints?: readonly string[];
  /** What a bundle holds only if the lane's client is in it. */
  readonly bundleStrings?: readonly string[];
  /** Folders that are not looked into. Retired paths are reported there as well. */
  readonly skipFolders?: readonly string[];
  /** Documents that are history as a whole, by path pattern. */
  readonly historyFiles?: readonly string[];
  /** Where the allow file is; null for none. Default `removal-allow.json`. */
  readonly allowFile?: string | null;
  /** A larger file is reported as unread. Default 64 MiB. */
  readonly mostBytes?: number;
  /** Findings beyond this number are only counted. Default 10,000. */
  readonly mostFindings?: number;
  /** Called every 200 files and at the end. */
  readonly onProgress?: (progress: RemovalProgress) => void;
}

/** How far a scan is. */
export interface RemovalProgress {
  readonly files: number;
  readonly bytes: number;
  readonly findings: number;
}

/** Options with nothing left open. */
export type RemovalSettings = Required<Omit<RemovalOptions, 'clock' | 'onProgress'>>;

/** @throws {RemovalError} `invalid_options`. */
export function settingsOf(options: RemovalOptions): RemovalSettings {
  const lane = options.lane ?? 'khala';
  if (!/^[a-z][a-z0-9-]*$/.test(lane)) {
    throw new RemovalError('invalid_options', `The lane "${lane}" is not a lowercase word.`);
  }
  const packages = options.packages ?? ['@autopilot/legacy-lane'];
  const laneFiles = options.laneFiles ?? [`**/lanes/${lane}.*`];
  const { mostBytes = 64 * 1024 * 1024, mostFindings = 10_000 } = options;
  for (const [name, value] of Object.entries({ mostBytes, mostFindings })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RemovalError('invalid_options', `${name} is ${value}, not a whole number above 0.`);
    }
  }
  const title = lane.charAt(0).toUpperCase() + lane.slice(1);
  return {
    lane,
    packages,
    laneFiles,
    retiredPaths: options.retiredPaths ?? [
      ...packages.map((name) => `packages/${name.split('/').at(-1)}`),
      ...packages.map((name) => `**/node_modules/${name}`),
      ...laneFiles,
    ],
    toggles: options.toggles ?? ['OA_SPACETIME_PRIMARY_COMMS', 'OPENAGENTS_RUNTIME_SYNC_ALLOW_KHALA_FALLBACK'],
    endpoints: options.endpoints ?? [
      `/api/${lane}/`,
      `/internal/v1/${lane}`,
      'sync:v1',
      '/sync/socket',
      '/api/runtime/codex/workers',
    ],
    bundleStrings: options.bundleStrings ?? [
      `create${title}Lane`,
      `create${title}Publisher`,
      `create${title}Reader`,
      `decode${title}Frame`,
      `${lane.toUpperCase()}_FRAME_KIND`,
      'sync:update_batch',
      'phx_join',
    ],
    skipFolders: options.skipFolders ?? ['node_modules', '.git', '.turbo', '.data', 'coverage'],
    historyFiles: options.historyFiles ?? ['**/CHANGELOG.md'],
    allowFile: options.allowFile === undefined ? 'removal-allow.json' : options.allowFile,
    mostBytes,
    mostFindings,
  };
}
