import type { Ports } from '@autopilot/sync-contract';
import { AppServerLane } from './app-server-lane.ts';
import { type ApprovalPolicy, acceptAll, declineAll } from './approval-policy.ts';
import { newBootId } from './boot-id.ts';
import { CodexError } from './errors.ts';
import { findCodex } from './find-codex.ts';
import type { Journal } from './journal.ts';
import { LaneState } from './lane-state.ts';
import type { CodexLane } from './lane-status.ts';
import { type SpawnChild, spawnSystemChild } from './process-port.ts';
import { readRecording, startRecordedSource } from './recorded-source.ts';

/** Options of {@link startCodexLane}. */
export interface CodexLaneOptions {
  readonly journal: Journal;
  readonly feed: 'recorded' | 'codex' | 'none';
  readonly ports: Ports;

  /** `recorded`: the recording. */
  readonly file?: string | undefined;
  /** `recorded`: milliseconds between two messages, 0 for as fast as possible; undefined for the recorded timing. */
  readonly paceMs?: number | undefined;
  /** `recorded`: one replay instead of one after the other. */
  readonly once?: boolean | undefined;

  /** `codex`: what to ask. */
  readonly prompt?: string | undefined;
  /** `codex`: the folder Codex works in. */
  readonly workDir?: string | undefined;
  /** `codex`: the program; see `findCodex` for where it is looked for otherwise. */
  readonly codexBin?: string | undefined;
  /** `codex`: the environment of the program, and where CODEX_BIN and PATH are looked up. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** `codex`: further arguments of `codex app-server`, e.g. `-c` settings. */
  readonly extraArgs?: readonly string[] | undefined;
  readonly model?: string | undefined;
  readonly modelProvider?: string | undefined;
  /** `codex`: `accept` when the user has consented beforehand to commands inside the sandbox. Default `decline`. */
  readonly approve?: 'accept' | 'decline' | ApprovalPolicy | undefined;
  readonly spawn?: SpawnChild | undefined;
  /** Milliseconds. Default 30 000. */
  readonly requestTimeoutMs?: number | undefined;
  /** How often a Codex that ended is started again. Default 5. */
  readonly maxRestarts?: number | undefined;
}

/**
 * Starts the local Codex lane. It writes the journal and knows nothing of who reads it.
 *
 * @throws {CodexError} `lane_options`, `recording_unusable` or `codex_not_installed`, before anything is started.
 */
export function startCodexLane(options: CodexLaneOptions): CodexLane {
  if (options.feed === 'recorded') return startRecordedLane(options);
  if (options.feed === 'codex') return startAppServerLane(options);
  const state = laneState(options);
  state.go('stopped');
  return { status: () => state.get(), stop: async () => {} };
}

function startRecordedLane(options: CodexLaneOptions): CodexLane {
  const { journal, ports, paceMs, once = false } = options;
  if (paceMs !== undefined && !(paceMs >= 0 && Number.isFinite(paceMs))) {
    throw new CodexError('lane_options', `The pace must be a number of milliseconds from 0, not ${paceMs}.`);
  }
  const lines = readRecording(need(options.file, 'file', 'recorded'));
  const state = laneState(options);
  const cancel = startRecordedSource({
    journal,
    lines,
    scheduler: ports.scheduler,
    random: ports.random,
    paceMs,
    once,
    appended: (count) => {
      if (state.get().state === 'starting') state.go('ready');
      state.countMessages(count);
    },
    replayed: () => {
      state.countCompleted();
      if (!once) return;
      state.go('stopped');
      state.finish();
    },
    failed: (error) => state.go('error', error),
  });
  return {
    status: () => state.get(),
    stop: async () => {
      cancel();
      state.go('stopped');
    },
  };
}

function startAppServerLane(options: CodexLaneOptions): CodexLane {
  const { journal, ports, approve = 'decline', env = {} } = options;
  const prompt = need(options.prompt, 'prompt', 'codex');
  const cwd = need(options.workDir, 'workDir', 'codex');
  const found = findCodex({ codexBin: options.codexBin, env });
  const policies = { accept: acceptAll, decline: declineAll };
  const state = laneState(options);
  const lane = new AppServerLane({
    journal,
    state,
    ports,
    spawn: options.spawn ?? spawnSystemChild,
    child: { command: found.file, args: ['app-server', ...(options.extraArgs ?? [])], cwd, env: defined(env) },
    policy: typeof approve === 'string' ? policies[approve] : approve,
    prompt,
    thread: defined({ model: options.model, modelProvider: options.modelProvider }),
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    maxRestarts: options.maxRestarts ?? 5,
  });
  return {
    status: () => state.get(),
    stop: async () => {
      await lane.stop();
      state.go('stopped');
    },
  };
}

function laneState({ feed, journal, ports }: CodexLaneOptions): LaneState {
  return new LaneState(feed, journal, ports.clock, newBootId(ports.random));
}

function need(value: string | undefined, name: string, feed: string): string {
  if (value === undefined || value === '') throw new CodexError('lane_options', `The feed ${feed} needs ${name}.`);
  return value;
}

function defined(values: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
