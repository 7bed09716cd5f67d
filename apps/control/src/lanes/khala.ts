import { createKhalaPublisher } from '@autopilot/legacy-lane';
import type { HttpResponse } from '@autopilot/sync-contract';
import { ControlError } from '../errors.ts';
import type { KhalaTarget, KhalaTargetOptions } from '../mirror/khala-target.ts';

// The one file of control that knows the lane to leave. Nothing imports it by name: without it, control starts and works
// and refuses --khala. Deleting it, and the dependency in package.json, is all that Stage 3 takes here.

/** Tokens are minted anew so long before they expire, milliseconds. */
const margin = 30_000;

/** Opens khala over its HTTP API, with tokens of its own mint. */
export async function openKhalaTarget({ url, secret, http, ports }: KhalaTargetOptions): Promise<KhalaTarget> {
  const { clock } = ports;
  let held: { readonly token: string; readonly until: number } | undefined;
  let minting: Promise<string> | undefined;

  async function mint(): Promise<string> {
    const authorization = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
    let response: HttpResponse;
    try {
      response = await http({
        method: 'POST',
        url: `${url}/api/khala/token`,
        headers: { 'content-type': 'application/json', ...authorization },
        body: JSON.stringify({ scope: ['runtime.codex_worker_events'] }),
      });
    } catch (cause) {
      throw new ControlError('unavailable', `Khala at ${url} does not answer.`, { cause });
    }
    const { token, expires_in: life } = tokenIn(response);
    if (response.status !== 200 || typeof token !== 'string' || typeof life !== 'number') {
      throw new ControlError('unavailable', `Khala at ${url} issues no token (${response.status}).`);
    }
    held = { token, until: clock.now() + life * 1_000 - margin };
    return token;
  }

  async function token(): Promise<string> {
    if (held !== undefined && clock.now() < held.until) return held.token;
    minting ??= mint().finally(() => {
      minting = undefined;
    });
    return minting;
  }

  const publisher = createKhalaPublisher({ http, url, token });
  return {
    async publish(workerId, event, position) {
      try {
        return await publisher.publish(workerId, event, position);
      } catch (error) {
        // Whatever it was, the next attempt shall not fail of an old token.
        held = undefined;
        throw error;
      }
    },
    async reachable() {
      try {
        const authorization = `Bearer ${await token()}`;
        const { status } = await http({
          method: 'GET',
          url: `${url}/api/runtime/codex/workers`,
          headers: { authorization },
        });
        return status === 200;
      } catch {
        return false;
      }
    },
  };
}

function tokenIn({ body }: HttpResponse): { readonly token?: unknown; readonly expires_in?: unknown } {
  try {
    return (JSON.parse(body) as { data?: object }).data ?? {};
  } catch {
    return {};
  }
}
