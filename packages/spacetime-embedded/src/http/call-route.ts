import { AlgebraicType } from 'spacetimedb';
import type { FunctionDefinition, ProcedureResult, ReducerResult } from '../engine/database.ts';
import { HostError } from '../errors.ts';
import { parseExactJson, readArguments } from '../sats/json-read.ts';
import { satsJson } from '../sats/json-write.ts';
import { bsatn } from '../sql/scalar.ts';
import type { ApiContext, ApiRequest } from './api.ts';
import { authenticate } from './authenticate.ts';
import { asClient, databaseNamed } from './lifecycle.ts';
import { json, Refusal, type Reply, readText, text } from './reply.ts';

/** The status of a reducer that failed; there is no such code in HTTP. */
const reducerFailed = 530;

/** POST /v1/database/:name/call/:fn */
export async function call(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const [name = '', fn = ''] = params;
  const credentials = await authenticate(context.tokens, incoming, url);
  const database = databaseNamed(context, name);
  if (!/^application\/json\b/i.test(incoming.headers['content-type'] ?? '')) {
    throw new Refusal(415, 'Expected request with `Content-Type: application/json`');
  }
  const body = await readText(incoming);
  const { engine } = database;
  const { clock } = context.ports;
  return await asClient(context, database, credentials, async (caller): Promise<Reply> => {
    const started = clock.monotonic();
    const reducer = engine.definition.reducers.get(fn);
    const procedure = engine.definition.procedures.get(fn);
    const definition = reducer ?? procedure;
    if (definition === undefined) return text(404, `there is no reducer or procedure \`${fn}\``);
    const args = encodeArguments(definition, body);
    const answer =
      procedure === undefined
        ? reducerReply(engine.callReducer(fn, args, caller))
        : procedureReply(procedure.returns, await engine.callProcedure(fn, args, caller));
    const micros = String(Math.round((clock.monotonic() - started) * 1000));
    return { ...answer, headers: { 'spacetime-energy-used': '0', 'spacetime-execution-duration-micros': micros } };
  });
}

function encodeArguments({ params }: FunctionDefinition, body: string): Uint8Array {
  const parsed = parseExactJson(body);
  if (parsed === undefined) throw new Refusal(400, 'The arguments are not JSON.');
  try {
    return bsatn(AlgebraicType.Product(params), readArguments(params, parsed));
  } catch (error) {
    if (error instanceof HostError) throw new Refusal(400, `invalid arguments: ${error.message}`);
    throw error;
  }
}

function reducerReply(result: ReducerResult): Reply {
  switch (result.outcome) {
    case 'committed':
      return { status: 200 };
    case 'failed':
      return text(reducerFailed, result.message);
    case 'internal': {
      const status = { 'no-such-reducer': 404, 'bad-arguments': 400, 'not-callable': 400, trap: reducerFailed };
      return text(status[result.kind], result.message);
    }
  }
}

function procedureReply(returns: AlgebraicType, result: ProcedureResult): Reply {
  if (result.outcome === 'returned') return json(satsJson(returns, result.value));
  const status = { 'no-such-procedure': 404, 'bad-arguments': 400, trap: reducerFailed };
  return text(status[result.kind], result.message);
}
