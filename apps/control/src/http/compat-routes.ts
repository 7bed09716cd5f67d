import { type CompatibilityRequest, type CompatibilityWindow, negotiate } from '@autopilot/sync-contract';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ControlError } from '../errors.ts';
import type { Context } from './context.ts';
import { parseBody } from './parse-body.ts';

/** The fields in which a client says what it is; a missing one is for the negotiation to refuse. */
export const compatibilityFields = {
  client_build_id: z.string().optional(),
  protocol_version: z.string().optional(),
  schema_version: z.number().optional(),
};

const bodySchema = z.strictObject(compatibilityFields);

/** Lets a compatible client pass; throws the typed refusal otherwise, with the window in its details. */
export function requireCompatible(window: CompatibilityWindow, request: CompatibilityRequest) {
  const outcome = negotiate(window, request);
  if (outcome.outcome === 'accepted') return outcome;
  throw new ControlError(outcome.outcome, outcome.message, { details: { window } });
}

/** POST /v1/compat/negotiate. */
export function installCompatRoutes(app: FastifyInstance, { window }: Context): void {
  app.post('/v1/compat/negotiate', async (request) => {
    return { ...requireCompatible(window, parseBody(bodySchema, request.body ?? {})), window };
  });
}
