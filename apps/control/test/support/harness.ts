import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { pino } from 'pino';
import type { ControlOptions } from '../../src/options.ts';
import type { DatabaseAdmin } from '../../src/spacetime/database-admin.ts';
import { type ControlHandle, startControl } from '../../src/start-control.ts';
import { atEnd } from './cleanup.ts';
import { clients } from './clients.ts';
import { connect, ScriptedDatabase, type ScriptedSink } from './scripted-database.ts';
import { temporaryFolder } from './temporary-folder.ts';

export { clients } from './clients.ts';

/** A window that accepts the build of {@link compatible}. */
export const compatible = {
  client_build_id: '20261101T000000Z',
  protocol_version: 'spacetime.sync.v1',
  schema_version: 1,
};

/** A running control with a scripted database behind it. */
export interface Harness {
  readonly control: ControlHandle;
  readonly database: ScriptedDatabase;
  readonly sink: ScriptedSink;
  readonly dataDir: string;
  /** Every line that was logged. */
  readonly log: readonly string[];
  /** Calls of the owner over HTTP. */
  readonly administered: readonly string[];
  request(method: string, path: string, init?: RequestOptions): Promise<Answer>;
}

/** What a request of a test carries. */
export interface RequestOptions {
  /** A client id. */
  readonly as?: string;
  readonly secret?: string;
  readonly bearer?: string;
  readonly body?: unknown;
  readonly rawBody?: string;
  readonly type?: string;
}

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the test asserts.
  readonly body: any;
}

type Overrides = Partial<ControlOptions> & {
  readonly scripted?: ScriptedDatabase;
  readonly offline?: boolean;
  readonly configure?: DatabaseAdmin['configure'];
  /** Digest of the schema of the module that the probe finds. */
  readonly moduleSchema?: () => string;
};

/** The issuer of the tests; nothing has to be reachable there with a scripted database. */
export const issuer = 'https://control.example';

/** Starts control on a free port; it is closed at the end of the test file at the latest. */
export async function startHarness(overrides: Overrides = {}): Promise<Harness> {
  const { scripted, offline, configure, moduleSchema = () => 'sha256:scripted', ...options } = overrides;
  const database = scripted ?? new ScriptedDatabase();
  const sink = connect(database, { offline: offline ?? false });
  const dataDir = options.dataDir ?? temporaryFolder();
  const log: string[] = [];
  const administered: string[] = [];
  const control = await startControl({
    host: '127.0.0.1',
    port: 0,
    dataDir,
    issuer,
    spacetime: 'http://127.0.0.1:9',
    database: 'autopilot',
    clients,
    ports: systemPorts,
    http: systemHttp,
    logger: pino({ level: 'debug' }, { write: (line: string) => void log.push(line) }),
    openGateway: () => ({
      sink,
      probe: async () => ({ ok: true, module_schema: moduleSchema(), protocols: ['v3.bsatn.spacetimedb'] }),
      admin: {
        async publish(bundle) {
          administered.push(`publish ${bundle.length}`);
        },
        async configure(...args) {
          administered.push(`configure ${args.join(' ')}`);
          await configure?.(...args);
        },
      },
    }),
    ...options,
  });
  atEnd(() => control.close());
  const request: Harness['request'] = (method, path, init = {}) => send(`${control.url}${path}`, method, init);
  return { control, database, sink, dataDir, log, administered, request };
}

/** Sends one request to a control. */
export async function send(url: string, method: string, init: RequestOptions): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (init.as !== undefined) {
    headers.authorization = `Basic ${Buffer.from(`${init.as}:${init.secret ?? init.as}`).toString('base64')}`;
  }
  if (init.bearer !== undefined) headers.authorization = `Bearer ${init.bearer}`;
  const body = init.rawBody ?? (init.body === undefined ? undefined : JSON.stringify(init.body));
  if (body !== undefined) headers['content-type'] = init.type ?? 'application/json';
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined };
}

/** Events for POST /v1/projections. */
export function eventsFor(topic: string, from: number, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    topic,
    kind: 'item/completed',
    payload: { n: from + index },
    idempotency_key: `k${from + index}`,
  }));
}
