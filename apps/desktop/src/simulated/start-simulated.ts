import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HttpClient, Ports, SocketFactory } from '@autopilot/sync-contract';
import { commsPace } from '../comms/comms-pace.ts';
import type { KhalaPlace } from '../comms/open-comms.ts';
import { DesktopError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Core, type CoreOptions, startCore } from '../start-core.ts';
import { updateStandingAlarms } from '../view-model/standing-alarms.ts';
import type { SimulatedOptions } from './options.ts';
import { unitState } from './unit-state.ts';

export interface SimulatedEnvironment extends Omit<SimulatedOptions, 'khala' | 'khalaTokenFile' | 'readyJson'> {
  readonly khala: KhalaPlace | undefined;
  readonly pid: number;
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The SpacetimeDB lane unless another one is given. */
  readonly createLane?: CoreOptions['createLane'];
}

/** Running simulated desktops. */
export interface SimulatedDesktops {
  /** Of the API: `GET /state`. */
  readonly url: string;
  state(): { readonly units: readonly ReturnType<typeof unitState>[] };
  close(): Promise<void>;
}

/**
 * Starts the cores one after the other, then the API.
 *
 * @throws {DesktopError} `data_dir_unusable`, `data_dir_locked`, `listen_failed`, `port_taken`.
 * @throws {CutoverError} `toggle_refused`.
 */
export async function startSimulated(options: SimulatedEnvironment): Promise<SimulatedDesktops> {
  const { ports, log, units } = options;
  const root = options.dataDir ?? mkdtempSync(path.join(tmpdir(), 'simulated-desktops-'));
  const cores: { readonly clientId: string; readonly core: Core }[] = [];
  const closeCores = async () => {
    const ends = await Promise.allSettled(cores.map(({ core }) => core.close()));
    for (const end of ends) if (end.status === 'rejected') log.error({ err: end.reason }, 'a core did not end well');
    if (options.dataDir === undefined) rmSync(root, { recursive: true, force: true });
  };
  const state = () => ({
    units: cores.map(({ clientId, core }) => {
      updateStandingAlarms(core.view, core.view.snapshot());
      return unitState(clientId, core);
    }),
  });
  try {
    for (let index = 0; index < units; index += 1) {
      const client = options.clients[index % options.clients.length];
      if (client === undefined) throw new DesktopError('usage', 'There is no client.');
      const unit = `${options.unitPrefix}-${String(index + 1).padStart(3, '0')}`;
      const dataDir = path.join(root, unit);
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const nullRun = index < options.nullRunUnits ? options.nullRun : undefined;
      const core = await startCore({ ...options, ...client, dataDir, nullRun, comms: commsOf(options, unit) });
      cores.push({ clientId: client.clientId, core });
      core.start();
      // One after the other, so that a service does not see all of them in one moment.
      if (options.staggerMs > 0) await new Promise<void>((done) => ports.scheduler.after(options.staggerMs, done));
    }
    const api = await listen(options.port, () => JSON.stringify(state()));
    return {
      url: api.url,
      state,
      async close() {
        await api.close();
        await closeCores();
      },
    };
  } catch (error) {
    await closeCores();
    throw error;
  }
}

function commsOf(options: SimulatedEnvironment, unit: string): NonNullable<CoreOptions['comms']> {
  return { dataDir: null, unit, ...commsPace(options) };
}

async function listen(port: number, body: () => string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    // A page of a browser that found the port must not read this: its Host or Origin header gives it away.
    const isLocal = /^127\.0\.0\.1:\d+$/.test(request.headers.host ?? '') && request.headers.origin === undefined;
    const found = request.method === 'GET' && request.url === '/state';
    const status = !isLocal ? 403 : found ? 200 : 404;
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(status === 200 ? body() : `{"error":{"code":"${status === 403 ? 'forbidden' : 'not_found'}"}}`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'port_taken' : 'listen_failed';
      reject(new DesktopError(code, `Cannot listen on 127.0.0.1:${port} (${cause.code ?? 'unknown'}).`, { cause }));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null)
    throw new DesktopError('listen_failed', 'Listening gave no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
