import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HttpClient } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { type DesktopHandle, type DesktopOptions, startDesktop } from '../../src/start-desktop.ts';
import { memoryLog } from './memory-log.ts';
import { type ScriptedLane, scriptedLane } from './scripted-lane.ts';

/** A whole desktop on a lane that a test drives. */
export interface ScriptedDesktop {
  readonly desktop: DesktopHandle;
  readonly lane: ScriptedLane;
  readonly dataDir: string;
  readonly log: ReturnType<typeof memoryLog>;
  /** Ends it and removes its folder. */
  end(): Promise<void>;
}

/** Control's answer to a token request, five minutes long. */
export function tokenAnswer(over: Readonly<Record<string, unknown>> = {}): string {
  const issued = Math.floor(Date.now() / 1000);
  return JSON.stringify({
    ...{ token: 'scripted-token', issued_at: issued, expires_at: issued + 300, refresh_after: issued + 225 },
    ...{ subject: 'desktop-1', identity: 'c0ffee'.padEnd(64, '0'), uri: 'http://127.0.0.1:4312' },
    ...{ database: 'autopilot-sync', streams: [] },
    ...over,
  });
}

/** Starts one; `over` replaces options. */
export async function startScripted(over: Partial<DesktopOptions> = {}): Promise<ScriptedDesktop> {
  const dataDir = over.dataDir ?? mkdtempSync(path.join(tmpdir(), 'desktop-test-'));
  const script = scriptedLane();
  const log = memoryLog();
  // This control is older than the cutover: it knows tokens only.
  const http: HttpClient = async ({ url }) =>
    new URL(url).pathname === '/v1/sync/token'
      ? { status: 200, headers: {}, body: tokenAnswer() }
      : { status: 404, headers: {}, body: '{}' };
  const desktop = await startDesktop({
    ...{ host: '127.0.0.1', port: 0, dataDir, control: 'http://127.0.0.1:1', clientId: 'desktop-1' },
    ...{ clientSecret: 'scripted-secret', environment: 'test', pid: process.pid, log, http },
    ports: systemPorts,
    socket: () => {
      throw new Error('a scripted lane opens no socket');
    },
    createLane: script.create,
    ...over,
  }).catch((error: unknown) => {
    if (over.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    throw error;
  });
  return {
    desktop,
    get lane() {
      return script.lane();
    },
    ...{ dataDir, log },
    async end() {
      await desktop.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
