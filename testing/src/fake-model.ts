// A stand-in for the model API that the Codex binary talks to. It answers out of a script, so that a real Codex process
// can be run without a network, an account or chance.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FakeTurn, findScriptedPart } from './fake-script.ts';

/** What the fake was asked, as far as tests care. */
export interface FakeModelRequest {
  readonly method: string;
  readonly path: string;
  /** The parsed body; undefined when it was not JSON. */
  readonly body: unknown;
  /** The HTTP status of the answer. */
  readonly status: number;
}

/** Options of {@link startFakeModel}. */
export interface FakeModelOptions {
  readonly turns: readonly FakeTurn[];
  /** Milliseconds between two parts of an answer, as a model that types would take. Default 0. */
  readonly paceMs?: number;
}

/** A running fake. */
export interface FakeModel {
  /** The base URL for `model_providers.<name>.base_url`, e.g. `http://127.0.0.1:40123/v1`. */
  readonly url: string;
  /** Every request so far, the oldest first. */
  readonly requests: readonly FakeModelRequest[];
  /** Stops listening and drops open connections. */
  close(): Promise<void>;
}

/** Serves `POST /v1/responses` with server-sent events on a free port of the loopback. */
export async function startFakeModel(options: FakeModelOptions): Promise<FakeModel> {
  const requests: FakeModelRequest[] = [];
  let answers = 0;
  const server = createServer((request, response) => {
    void readBody(request).then(async (body) => {
      const path = request.url ?? '';
      const refuse = (status: number, message: string): void => {
        requests.push({ method: request.method ?? '', path, body, status });
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: { message } }));
      };
      if (request.method !== 'POST' || path !== '/v1/responses') return refuse(404, `Nothing is served at ${path}.`);
      const part = findScriptedPart(options.turns, body);
      // A prompt without a script is a mistake of the test: an invented answer would hide it.
      if (part === undefined) return refuse(400, 'No turn of the script starts with this prompt.');
      requests.push({ method: 'POST', path, body, status: 200 });
      answers += 1;
      await streamPart(response, part, answers, options.paceMs ?? 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function streamPart(
  response: ServerResponse,
  part: readonly FakeTurn['steps'][number][],
  answer: number,
  paceMs: number,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const id = `resp_${answer}`;
  const send = async (type: string, fields: object): Promise<void> => {
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
    if (paceMs > 0) await new Promise((resolve) => setTimeout(resolve, paceMs));
  };
  await send('response.created', { response: { id } });
  for (const [index, step] of part.entries()) {
    if (step.type === 'command') {
      const call = { type: 'function_call', id: `fc_${answer}`, call_id: `call_${answer}`, name: 'exec_command' };
      const item = { ...call, arguments: JSON.stringify({ cmd: step.command }) };
      await send('response.output_item.done', { output_index: index, item });
      continue;
    }
    const message = { type: 'message', role: 'assistant', id: `msg_${answer}_${index}` };
    await send('response.output_item.added', { output_index: index, item: { ...message, content: [] } });
    for (const delta of step.deltas) {
      const place = { item_id: message.id, output_index: index, content_index: 0 };
      await send('response.output_text.delta', { ...place, delta });
    }
    const content = [{ type: 'output_text', text: step.deltas.join('') }];
    await send('response.output_item.done', { output_index: index, item: { ...message, content } });
  }
  await send('response.completed', { response: { id, usage: usage(part) } });
  response.end();
}

function usage(part: readonly FakeTurn['steps'][number][]): object {
  const output = part.reduce((sum, step) => sum + (step.type === 'command' ? 1 : step.deltas.length), 0);
  return {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 10 + output,
  };
}
