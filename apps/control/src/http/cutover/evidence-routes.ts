import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type OwnGate, ownGates } from '../../cutover/gate-keys.ts';
import { ControlError } from '../../errors.ts';
import { storedNow } from '../../store/stored-time.ts';
import type { Context } from '../context.ts';
import { parseBody } from '../parse-body.ts';

const receiptSchema = z.strictObject({ envelope: z.unknown() });

/** Receipts of gates, and the gates that control runs itself; needs the scope cutover.submit. */
export function installEvidenceRoutes(app: FastifyInstance, context: Context): void {
  const { authenticate, clock: wall, service } = context;
  const { gates, receipts } = service;

  app.post('/v1/cutover/receipts', async (request, reply) => {
    const { client } = await authenticate.withScope(request, 'cutover.submit');
    const body = parseBody(receiptSchema, request.body);
    const { receipt, duplicate } = await receipts.submit(body.envelope, client.client_id, storedNow(wall));
    const { gate, verdict, reason } = receipt.observation;
    return reply.code(201).send({ digest: receipt.digest, gate, verdict, reason, duplicate });
  });

  app.post<{ Params: { gate: string } }>('/v1/cutover/gates/:gate/evaluate', async (request, reply) => {
    const { client } = await authenticate.withScope(request, 'cutover.submit');
    const gate = ownGates.find((name) => name === request.params.gate);
    if (gate === undefined) {
      throw new ControlError(
        'not_found',
        `Control does not run the gate ${request.params.gate}: ${ownGates.join(', ')}.`,
      );
    }
    const { receipt, duplicate } = await gates.evaluate(gate satisfies OwnGate, client.client_id);
    const { observation, digest, envelope } = receipt;
    const { verdict, reason } = observation;
    return reply.code(201).send({ digest, gate, verdict, reason, duplicate, observation, envelope });
  });
}
