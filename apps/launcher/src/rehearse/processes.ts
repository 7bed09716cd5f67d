import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CutoverConfig, TrustedKey } from '@autopilot/cutover-flags';
import { type FaultProxy, startFaultProxy } from '@autopilot/testing';
import { claimablePort } from '../free-port.ts';
import { controlEntry, desktopEntry, folderOf, hostPart, ownerIdentity, withoutAgent } from '../lane-parts.ts';
import { type Part, type PartSpec, startPart } from '../part.ts';
import type { Client } from './client.ts';
import type { Clients } from './clients.ts';
import type { Scale } from './scale.ts';

export interface ProcessesOptions {
  readonly dataDir: string;
  readonly scale: Scale;
  readonly clients: Clients;
  readonly config: CutoverConfig;
  readonly gateKeys: readonly TrustedKey[];
  readonly commit: string | null;
  readonly log: (part: string, line: string) => void;
  readonly progress: (text: string) => void;
  /** Nothing is started any more when it aborts. */
  readonly signal: AbortSignal;
}

/** One process of simulated desktops. */
export interface SimulatedSpec {
  readonly name: string;
  readonly units: number;
  readonly client: Client | 'fleet';
  /** Whether some of the units read khala twice: the noise that a comparison of the lanes is held to. */
  readonly nullRun?: boolean;
}

/** Both lanes and everything on them, as processes. */
export interface Processes {
  readonly controlUrl: string;
  readonly khalaUrl: string;
  /** Between the host and everybody. */
  readonly spacetime: FaultProxy;
  /** Between khala and the desktops. */
  readonly khala: FaultProxy;
  /** Between khala and control. */
  readonly mirror: FaultProxy;
  /** Addresses of those that run now. */
  simulated(): readonly string[];
  real(): readonly string[];
  startSimulated(options: SimulatedSpec): Promise<string>;
  stopSimulated(name: string): Promise<void>;
  startReal(index: number): Promise<void>;
  killReal(index: number): Promise<void>;
  killControl(): Promise<void>;
  startControl(): Promise<void>;
  /** Ends everything that was started, in order. */
  stop(): Promise<void>;
}

const database = 'autopilot-sync';
const readyWithinMs = 120_000;
const graceMs = 15_000;
const khalaEntry = path.join(folderOf('@autopilot/testing'), 'src', 'khala-main.ts');
const simulatedEntry = path.join(path.dirname(desktopEntry), 'simulated-main.ts');

/** Toggles of the cutover in the caller's environment would decide for every desktop here. */
function cleanEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(withoutAgent(process.env)).filter(([name]) => !name.startsWith('OA_')));
}

/**
 * Starts khala, the host and control, with a fault proxy before each lane. Desktops come later.
 *
 * @throws {LaunchError} with everything that was already running stopped again.
 */
export async function startProcesses(options: ProcessesOptions): Promise<Processes> {
  const { dataDir, scale, clients, config, gateKeys, commit, progress } = options;
  const running: { part: Part; spec: PartSpec }[] = [];
  const proxies: FaultProxy[] = [];
  const simulated = new Map<string, Part>();
  const real = new Map<number, Part>();
  let stopping = false;
  const start = async (given: PartSpec): Promise<Part> => {
    options.signal.throwIfAborted();
    const spec = { ...given, env: cleanEnvironment() };
    progress(`starting ${spec.name}`);
    const log = (line: string) => options.log(spec.name, line);
    const part = await startPart(spec, { log, readyWithinMs, graceMs });
    running.push({ part, spec });
    if (stopping) await part.stop();
    return part;
  };
  const stop = async () => {
    stopping = true;
    for (const { part } of running.toReversed()) await part.stop();
    for (const proxy of proxies) await proxy.close();
  };
  const write = (name: string, value: object) => {
    const file = path.join(dataDir, name);
    writeFileSync(file, JSON.stringify(value), { mode: 0o600 });
    return file;
  };
  try {
    const khalaPart = await start({ name: 'khala', entry: khalaEntry, args: ['--ready-json'] });
    const khalaUrl = khalaPart.ready.url;
    const khala = await startFaultProxy({ port: Number(new URL(khalaUrl).port) });
    const mirror = await startFaultProxy({ port: Number(new URL(khalaUrl).port) });
    proxies.push(khala, mirror);
    const hostPort = await claimablePort(0, '');
    const controlPort = await claimablePort(0, '');
    const issuer = `http://127.0.0.1:${controlPort}`;
    await start(hostPart({ dataDir, database, port: hostPort, owner: await ownerIdentity(issuer) }));
    const spacetime = await startFaultProxy({ port: hostPort });
    proxies.push(spacetime);
    const controlSpec: PartSpec = {
      name: 'control',
      entry: controlEntry,
      args: [
        ...['--listen', `127.0.0.1:${controlPort}`, '--issuer', issuer, '--data-dir', path.join(dataDir, 'control')],
        ...['--clients', clients.file, '--spacetime', `http://127.0.0.1:${spacetime.port}`, '--database', database],
        ...['--khala', `http://127.0.0.1:${mirror.port}`, '--gate-keys', write('gate-keys.json', { keys: gateKeys })],
        ...['--cutover-config', write('cutover-config.json', config), '--heartbeat-ms', String(scale.heartbeatMs)],
        ...['--rehearsal-clock-rate', String(scale.clockRate), '--ready-json'],
        ...(commit === null ? [] : ['--commit', commit]),
      ],
    };
    let control: Part | undefined = await start(controlSpec);
    const common = [
      ...['--control', issuer, '--khala', `http://127.0.0.1:${khala.port}`],
      ...['--heartbeat-ms', String(scale.heartbeatMs), '--dwell-ms', '500', '--ready-json'],
    ];
    return {
      ...{ controlUrl: issuer, khalaUrl, spacetime, khala, mirror, stop },
      simulated: () => [...simulated.values()].map(({ ready }) => ready.url),
      real: () => [...real.values()].map(({ ready }) => ready.url),
      async startSimulated({ name, units, client, nullRun = false }) {
        const who =
          client === 'fleet'
            ? ['--clients', clients.simulatedFile]
            : ['--client-id', client.id, '--client-secret-file', client.secretFile];
        const folder = path.join(dataDir, name);
        mkdirSync(folder, { recursive: true });
        const args = ['--units', String(units), '--unit-prefix', name, '--data-dir', folder, ...who, ...common];
        if (nullRun) args.push('--null-run', 'khala', '--null-run-units', '2');
        const part = await start({ name, entry: simulatedEntry, args });
        simulated.set(name, part);
        return part.ready.url;
      },
      async stopSimulated(name) {
        const part = simulated.get(name);
        simulated.delete(name);
        await part?.stop();
      },
      async startReal(index) {
        const client = clients.real[index];
        if (client === undefined) throw new Error(`There is no real desktop ${index}.`);
        const args = [
          ...['--listen', '127.0.0.1:0', '--data-dir', path.join(dataDir, client.id)],
          ...[
            '--client-id',
            client.id,
            '--client-secret-file',
            client.secretFile,
            '--null-run',
            'spacetime',
            ...common,
          ],
        ];
        real.set(index, await start({ name: client.id, entry: desktopEntry, args }));
      },
      async killReal(index) {
        const part = real.get(index);
        real.delete(index);
        part?.kill();
        await part?.ended;
      },
      async killControl() {
        control?.kill();
        await control?.ended;
        control = undefined;
      },
      async startControl() {
        control = await start(controlSpec);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
