import type { SessionToken } from '@autopilot/session';
import { type CompatibilityRequest, type HttpClient, SyncError } from '@autopilot/sync-contract';
import { z } from 'zod';

const answerSchema = z.object({
  token: z.string().min(1),
  expires_at: z.number().positive(),
  refresh_after: z.number().positive(),
  identity: z.string(),
  uri: z.string(),
  database: z.string().min(1),
});

/** How the process of the bridge gets a token of the control that it is part of. Their clocks are one. */
export interface ControlTokenOptions {
  readonly http: HttpClient;
  readonly control: string;
  readonly clientId: string;
  readonly secret: string;
  readonly compatibility: CompatibilityRequest;
  readonly streams: readonly string[];
}

/** Asks for a token. @throws {SyncError} `unavailable`: control may be starting or ending, so it is asked again. */
export function controlToken(options: ControlTokenOptions): (signal: AbortSignal) => Promise<SessionToken> {
  const { http, control, clientId, secret, compatibility, streams } = options;
  const authorization = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/json' };
  const body = JSON.stringify({ ...compatibility, streams });
  return async (signal) => {
    const url = new URL('/v1/sync/token', control).href;
    const response = await http({ method: 'POST', url, headers, body, signal });
    const parsed = answerSchema.safeParse(response.status === 200 ? JSON.parse(response.body) : undefined);
    if (!parsed.success) throw new SyncError('unavailable', `Control answered ${response.status} and gave no token.`);
    const { expires_at, refresh_after, ...token } = parsed.data;
    return { ...token, expires_at: expires_at * 1_000, refresh_after: refresh_after * 1_000 };
  };
}
