import { extendChain, genesisChain, type HttpResponse, payloadHash, streamIdForTopic } from '@autopilot/sync-contract';
import type { ProjectedEvent } from '../../src/projection/project-entry.ts';

/** What happens to one request. `lost-answer`: accepted and stored, but the answer never arrives. */
export type Fate = 'ok' | 'lost-answer' | 'unreachable' | 'hang' | 'nonsense' | HttpResponse;

interface Stored {
  readonly stream_id: string;
  readonly idempotency_key: string;
  readonly kind: string;
  readonly payload_hash: string;
}

/** Control as far as `POST /v1/projections` goes: idempotent by key, all or nothing, in order. */
export class ScriptedControl {
  readonly stored: Stored[] = [];
  readonly sizes: number[] = [];
  readonly authorizations: (string | undefined)[] = [];
  /** The fate of the next requests, then `ok`. */
  fates: Fate[] = [];
  /** Refuses single events with a code. */
  refuse: (event: ProjectedEvent) => string | undefined = () => undefined;
  /** Refuses whole requests longer than this. */
  maxEvents = 500;

  handle(body: string): HttpResponse {
    const { events } = JSON.parse(body) as { readonly events: readonly ProjectedEvent[] };
    this.sizes.push(events.length);
    if (events.length > this.maxEvents) return answer(413, { code: 'payload_too_large', message: 'too long' });
    const items = events.flatMap((event, index) => {
      const code = this.refuse(event);
      return code === undefined ? [] : [{ index, code, message: `not ${event.kind}` }];
    });
    if (items.length > 0) {
      const code = items[0]?.code;
      return answer(code === 'forbidden' ? 403 : 400, { code, message: 'nothing was accepted', details: { items } });
    }
    const answers = events.map((event, index) => {
      const stream_id = streamIdForTopic(event.topic);
      const { idempotency_key, kind } = event;
      const known = this.stored.some((s) => s.stream_id === stream_id && s.idempotency_key === idempotency_key);
      if (!known) this.stored.push({ stream_id, idempotency_key, kind, payload_hash: payloadHash(event.payload) });
      return { index, stream_id, idempotency_key, outcome: known ? 'duplicate' : 'accepted', state: 'pending' };
    });
    const duplicates = answers.filter((item) => item.outcome === 'duplicate').length;
    return answer(202, { accepted: answers.length - duplicates, duplicates, events: answers });
  }

  /** The chain of each stream over what is stored, as a reader would compute it. */
  chains(): readonly { readonly stream_id: string; readonly count: number; readonly chain: string }[] {
    return [...Map.groupBy(this.stored, (event) => event.stream_id)]
      .map(([stream_id, events]) => ({
        stream_id,
        count: events.length,
        chain: events.reduce(
          (chain, e, i) => extendChain(chain, { ...e, seq: BigInt(i + 1) }),
          genesisChain(stream_id),
        ),
      }))
      .sort((a, b) => (a.stream_id < b.stream_id ? -1 : 1));
  }
}

export function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers, body: JSON.stringify(body) };
}

/** The control as an HTTP client, in this process. */
export function httpOf(control: ScriptedControl) {
  return async ({
    body,
    headers,
  }: {
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  }) => {
    control.authorizations.push(headers?.authorization);
    const fate = control.fates.shift() ?? 'ok';
    if (typeof fate === 'object') return fate;
    if (fate === 'unreachable') throw new TypeError('fetch failed');
    if (fate === 'hang') return new Promise<HttpResponse>(() => {});
    if (fate === 'nonsense') return answer(202, { accepted: 1, duplicates: 0, events: [] });
    const real = control.handle(String(body));
    if (fate === 'lost-answer') throw new TypeError('socket hang up');
    return real;
  };
}
