import type { BackoffPolicy } from '@autopilot/sync-contract';
import { atLeast, checkBackoff, checkBucket } from '../option-checks.ts';
import type { BucketOptions } from '../relay/token-bucket.ts';

/** Bounds of what a bridge in a process may cost its owner. Times in milliseconds. */
export interface ProcessSettings {
  /** From the start of a process to its first word. */
  readonly startMs: number;
  /** A process that says nothing for so long hangs, and is ended. */
  readonly silenceMs: number;
  /** For one command, from being called to being answered. */
  readonly commandMs: number;
  /** Commands that are not answered; one more is refused at once. */
  readonly maxCommands: number;
  /** A process with more beside its heap is ended. Its heap is bounded by whoever spawns it. */
  readonly maxExternalBytes: number;
  /** Between the end of a process and the start of the next one. */
  readonly restart: BackoffPolicy;
  /** Failures in a row are forgotten after so long a life. */
  readonly provenMs: number;
  /** Questions of the bridge to the journal that are answered. */
  readonly questions: BucketOptions;
  /** Events of one page at most, and bytes of their payloads; one event is given however large it is. */
  readonly maxPageEvents: number;
  readonly maxPageBytes: number;
  /** From being asked to end to being ended. */
  readonly closeMs: number;
}

/** What is used where nothing is said. */
export const defaultProcessSettings: ProcessSettings = {
  startMs: 30_000,
  silenceMs: 10_000,
  commandMs: 10_000,
  maxCommands: 100,
  maxExternalBytes: 256 << 20,
  restart: { floorMs: 1_000, baseMs: 2_000, capMs: 300_000 },
  provenMs: 60_000,
  questions: { perSecond: 4, burst: 4 },
  maxPageEvents: 16,
  maxPageBytes: 64 << 10,
  closeMs: 5_000,
};

/** @throws {BridgeError} `invalid_option` naming the setting. */
export function processSettings(changes: Partial<ProcessSettings> = {}): ProcessSettings {
  const settings = { ...defaultProcessSettings, ...changes };
  const { restart, questions, ...numbers } = settings;
  for (const [name, value] of Object.entries(numbers)) atLeast(1, name, value);
  checkBucket('questions', questions);
  checkBackoff('restart', restart);
  return settings;
}
