import { isCodedError } from '@autopilot/sync-contract';
import type { FastifyInstance } from 'fastify';
import { ControlError, isControlErrorCode } from '../errors.ts';
import { statusOf } from './status-codes.ts';

/** The body of every refusal. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly next: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Answers every error as `{code, message, next, details?}`; what nobody foresaw goes to the log, not to the caller. */
export function installErrorReplies(app: FastifyInstance): void {
  app.setNotFoundHandler((request) => {
    throw new ControlError('not_found', `There is no ${request.method} ${request.url.split('?')[0]}.`);
  });
  app.setErrorHandler(async (error, request, reply) => {
    const known = recognise(error);
    if (known.code === 'internal') request.log.error({ err: error }, 'request failed');
    const retryAfter = known.details.retry_after;
    if (typeof retryAfter === 'number') reply.header('retry-after', String(Math.ceil(retryAfter)));
    if (known.code === 'unauthorized') reply.header('www-authenticate', 'Basic realm="control", Bearer');
    const { code, message, next, details } = known;
    const body: ErrorBody = { code, message, next, ...(Object.keys(details).length === 0 ? {} : { details }) };
    return reply.code(statusOf(known.code)).send(body);
  });
}

function recognise(error: unknown): ControlError {
  if (error instanceof ControlError) return error;
  if (isCodedError(error) && isControlErrorCode(error.code)) {
    return new ControlError(error.code, error.message, { details: error.details });
  }
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new ControlError('payload_too_large', 'The body is too long.');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new ControlError('unsupported_media_type', 'The body is not declared as application/json.');
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new ControlError('invalid_request', 'The body is not well-formed JSON.');
  }
  return new ControlError('internal', 'The request failed inside control.');
}
