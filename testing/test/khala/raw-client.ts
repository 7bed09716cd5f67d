import { WebSocket } from 'ws';
import { type KhalaServer, waitFor } from '../../src/index.ts';

export const events = 'runtime.codex_worker_events';

/** A message as it came: the parsed JSON, or the text when it is none. */
export type Raw = readonly unknown[];

/** A websocket that keeps everything as it came. */
export interface RawClient {
  readonly ws: WebSocket;
  readonly messages: readonly Raw[];
  /** Whether each message came as binary. */
  readonly binary: readonly boolean[];
  /** The close code; undefined while open. */
  closed(): number | undefined;
  send(...message: unknown[]): void;
  /** The messages that came since the last call of this. */
  fresh(): Raw[];
  /** Waits for the first message of an event from place `from` on. */
  until(event: string, from?: number): Promise<Raw>;
  /** Waits for the reply to a ref. */
  reply(ref: string): Promise<{ status: string; response: Record<string, unknown> }>;
  join(params?: object): Promise<{ status: string; response: Record<string, unknown> }>;
  subscribe(payload: object, ref?: string): Promise<{ status: string; response: Record<string, unknown> }>;
}

const open: WebSocket[] = [];

/** Ends what the tests opened. */
export function closeClients(): void {
  for (const ws of open.splice(0)) ws.terminate();
}

export function socketUrl(khala: KhalaServer, query: Record<string, string> = {}): string {
  const all = new URLSearchParams({ vsn: '2.0.0', token: khala.token(), ...query });
  return `${khala.url.replace('http', 'ws')}/sync/socket/websocket?${all}`;
}

/** Opens a websocket; rejects with the status and body when the upgrade is refused. */
export async function connect(url: string, headers: Record<string, string> = {}): Promise<RawClient> {
  const ws = new WebSocket(url, { perMessageDeflate: false, headers });
  open.push(ws);
  const messages: Raw[] = [];
  const binary: boolean[] = [];
  let code: number | undefined;
  let seen = 0;
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    messages.push(JSON.parse(data.toString()));
    binary.push(isBinary);
  });
  ws.on('close', (value) => {
    code = value;
  });
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve);
    ws.on('error', reject);
    ws.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => reject(new Refused(response.statusCode ?? 0, body)));
    });
  });
  const client: RawClient = {
    ws,
    messages,
    binary,
    closed: () => code,
    send: (...message) => ws.send(JSON.stringify(message)),
    fresh: () => {
      const news = messages.slice(seen);
      seen = messages.length;
      return news;
    },
    until: (event, from = 0) =>
      waitFor(() => messages.slice(from).find((message) => message[3] === event), {
        describe: () => `${event} in ${JSON.stringify(messages.map((message) => message[3]))}`,
      }),
    reply: async (ref) => {
      const is = (message: Raw): boolean => message[3] === 'phx_reply' && message[1] === ref;
      const found = await waitFor(() => messages.find(is), { describe: `the reply to ${ref}` });
      return found[4] as { status: string; response: Record<string, unknown> };
    },
    join: (params = {}) => {
      client.send('1', '1', 'sync:v1', 'phx_join', params);
      return client.reply('1');
    },
    subscribe: (payload, ref = '2') => {
      client.send('1', ref, 'sync:v1', 'sync:subscribe', payload);
      return client.reply(ref);
    },
  };
  return client;
}

/** A refused upgrade. */
class Refused extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: string) {
    super(`refused with ${status}: ${body}`);
    this.status = status;
    this.body = body === '' ? undefined : JSON.parse(body);
  }
}

/** A client that has joined and subscribed to the worker events from a position, with nothing left to look at. */
export async function follow(khala: KhalaServer, after = 0, query: Record<string, string> = {}): Promise<RawClient> {
  const client = await connect(socketUrl(khala, query));
  await client.join();
  const { status, response } = await client.subscribe({ topics: [events], resume_after: { [events]: after } });
  if (status !== 'ok') throw new Error(`The subscription was refused: ${JSON.stringify(response)}`);
  client.fresh();
  return client;
}

export interface Update {
  readonly topic: string;
  readonly doc_key: string;
  readonly doc_version: number;
  readonly payload: Record<string, unknown> | null;
  readonly payload_hash: string | null;
  readonly watermark: number;
  readonly hydration_required: boolean;
}

/** The updates of all batches among the messages, in order of arrival. */
export function updatesOf(messages: readonly Raw[]): Update[] {
  return messages
    .filter((message) => message[3] === 'sync:update_batch')
    .flatMap((message) => (message[4] as { updates: Update[] }).updates);
}

/** The events of the messages, in order. */
export function names(messages: readonly Raw[]): unknown[] {
  return messages.map((message) => message[3]);
}

/** Sends JSON and reads the JSON answer. */
export async function call(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  };
}
