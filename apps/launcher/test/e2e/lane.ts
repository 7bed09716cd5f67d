import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type FaultProxy, startFaultProxy } from '@autopilot/testing';
import { type Credentials, prepareCredentials } from '../../src/credentials.ts';
import { type DesktopState, readDesktopState } from '../../src/desktop-state.ts';
import { claimablePort } from '../../src/free-port.ts';
import { controlPart, desktopPart, hostPart, ownerIdentity } from '../../src/lane-parts.ts';
import { type Part, type PartSpec, startPart } from '../../src/part.ts';

/** A whole lane of real processes, with a fault proxy in front of the host, whose parts can be killed one by one. */
export interface TestLane {
  readonly proxy: FaultProxy;
  readonly controlUrl: string;
  readonly credentials: Credentials;
  /** Undefined while the desktop is down. */
  desktopState(): Promise<DesktopState | undefined>;
  killDesktop(): Promise<void>;
  startDesktop(): Promise<void>;
  killHost(): Promise<void>;
  startHost(): Promise<void>;
  /** The last lines of every part, for the message of a failing test. */
  tail(): string;
  stop(): Promise<void>;
}

const options = { readyWithinMs: 60_000, graceMs: 10_000 };
const database = 'autopilot-sync';

export async function startTestLane(): Promise<TestLane> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'autopilot-e2e-'));
  const credentials = prepareCredentials(dataDir);
  const [hostPort, controlPort] = [await claimablePort(0, ''), await claimablePort(0, '')];
  const issuer = `http://127.0.0.1:${controlPort}`;
  const owner = await ownerIdentity(issuer);
  const lines: string[] = [];
  const start = async (spec: PartSpec) => {
    const log = (line: string) => {
      if (lines.push(`[${spec.name}] ${line}`) > 40) lines.shift();
    };
    return await startPart(spec, { ...options, log });
  };
  const startHostPart = () => start(hostPart({ dataDir, database, owner, port: hostPort }));
  let host: Part | undefined = await startHostPart();
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: hostPort });
  const spacetimeUrl = `http://127.0.0.1:${proxy.port}`;
  const control = await start(controlPart({ dataDir, database, issuer, spacetimeUrl, credentials, publish: false }));
  const controlUrl = control.ready.url;
  const startDesktopPart = () => start(desktopPart({ dataDir, controlUrl, credentials, port: 0, feed: 'none' }));
  let desktop: Part | undefined = await startDesktopPart();
  return {
    proxy,
    controlUrl,
    credentials,
    async desktopState() {
      return desktop === undefined ? undefined : await readDesktopState(desktop.ready.url).catch(() => undefined);
    },
    async killDesktop() {
      desktop?.kill();
      await desktop?.ended;
      desktop = undefined;
    },
    async startDesktop() {
      desktop = await startDesktopPart();
    },
    async killHost() {
      host?.kill();
      await host?.ended;
      host = undefined;
    },
    async startHost() {
      host = await startHostPart();
    },
    tail: () => lines.join('\n'),
    async stop() {
      for (const part of [desktop, control, host]) await part?.stop();
      await proxy.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
