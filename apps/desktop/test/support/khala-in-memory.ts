import type { HttpClient, Ports, SocketFactory, SocketHandlers } from '@autopilot/sync-contract';

const topic = 'runtime.codex_worker_events';

/** Khala with one worker, on the time of the test: its log over HTTP, its topic over a socket, and no faults. */
export interface KhalaInMemory {
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  /** Appends to the worker's log and tells whoever has subscribed. */
  append(event_type: string, payload: unknown): void;
}

/** An empty log. Every message takes a millisecond. */
export function khalaInMemory({ scheduler }: Pick<Ports, 'scheduler'>, worker: string): KhalaInMemory {
  const log: { seq: number; event_type: string; payload: unknown; occurred_at: string }[] = [];
  const subscribed = new Set<SocketHandlers>();
  const say = (to: SocketHandlers, ref: string | null, event: string, payload: unknown) => {
    const text = JSON.stringify([ref === null ? null : '1', ref, 'sync:v1', event, payload]);
    scheduler.after(1, () => to.message(Buffer.from(text)));
  };
  const push = (to: SocketHandlers, after: number) => {
    const updates = log.slice(after).map((event) => ({
      ...{ topic, doc_key: `runtime/codex_worker_event:${worker}:${event.seq}`, doc_version: event.seq },
      ...{ payload: { worker_id: worker, ...event }, watermark: event.seq },
    }));
    const head_watermarks = [{ topic, watermark: log.length }];
    if (updates.length > 0) say(to, null, 'sync:update_batch', { updates, replay_complete: true, head_watermarks });
  };
  return {
    http: async ({ url }) => {
      const { pathname, searchParams } = new URL(url);
      const data = pathname.endsWith('/token')
        ? { token: 'scripted', expires_in: 3600 }
        : { events: log.slice(Number(searchParams.get('cursor'))), snapshot: { latest_seq: log.length } };
      return { status: 200, headers: {}, body: JSON.stringify({ data }) };
    },
    socket: (_request, handlers) => {
      const answer = (text: string) => {
        const [, ref, , event, payload] = JSON.parse(text) as [string, string, string, string, object];
        const watermarks = [{ topic, watermark: log.length }];
        const reply = (response: object) => say(handlers, ref, 'phx_reply', { status: 'ok', response });
        if (event === 'phx_join') reply({ subscription_id: 's', allowed_topics: [topic] });
        if (event === 'sync:heartbeat') reply({ subscription_id: 's', watermarks });
        if (event !== 'sync:subscribe') return;
        subscribed.add(handlers);
        push(handlers, (payload as { resume_after: Record<string, number> }).resume_after[topic] ?? 0);
        reply({ subscription_id: 's', topics: [topic], current_watermarks: watermarks });
      };
      const close = (code: number) => {
        subscribed.delete(handlers);
        scheduler.after(1, () => handlers.closed(code, ''));
      };
      scheduler.after(1, () => handlers.opened(''));
      return {
        send: (data) => scheduler.after(1, () => answer(String(data))),
        bufferedBytes: 0,
        close: (code) => close(code ?? 1000),
        terminate: () => close(1006),
      };
    },
    append(event_type, payload) {
      log.push({ seq: log.length + 1, event_type, payload, occurred_at: '2026-01-01T00:00:00Z' });
      for (const one of subscribed) push(one, log.length - 1);
    },
  };
}
