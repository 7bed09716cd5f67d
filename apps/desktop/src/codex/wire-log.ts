import type { EntryDraft, Journal } from './journal.ts';

/** A JSON message of the app-server protocol: JSON-RPC without the version member. */
export interface WireMessage {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

interface Open {
  readonly method: string;
  readonly thread_id: string | null;
  readonly command_seq: number | null;
}

/**
 * Gives every message of one boot its journal entry. An answer on the wire names only an id; here it gets the method,
 * thread and command number of what it answers. The two sides number their requests independently, both from a small
 * number, so they are kept apart by direction.
 */
export class WireLog {
  readonly #boot: string;
  readonly #open = { 'from-server': new Map<number | string, Open>(), 'to-server': new Map<number | string, Open>() };
  #commands = 0;

  constructor(bootId: string) {
    this.#boot = bootId;
  }

  /** The entry of one message. `text` is its JSON text as it stood on the wire. */
  draft(direction: 'from-server' | 'to-server', message: WireMessage, text: string): EntryDraft {
    const base = { boot_id: this.#boot, direction, body: text };
    if (message.method !== undefined) {
      const thread_id = threadOf(message.params);
      if (message.id === undefined) return { ...base, method: message.method, thread_id, command_seq: null };
      const command_seq = direction === 'to-server' ? ++this.#commands : null;
      const open = { method: message.method, thread_id, command_seq };
      this.#open[direction].set(message.id, open);
      return { ...base, ...open };
    }
    const asked = this.#open[direction === 'from-server' ? 'to-server' : 'from-server'];
    const open = message.id === undefined ? undefined : asked.get(message.id);
    if (message.id !== undefined) asked.delete(message.id);
    const thread_id = open?.thread_id ?? threadOf(message.result);
    // A line that is neither a request nor an answer to one is kept all the same.
    return { ...base, method: open?.method ?? '', command_seq: open?.command_seq ?? null, thread_id };
  }
}

/** Writes one entry about the lane itself. */
export function appendLaneEntry(journal: Journal, bootId: string, method: string, body: object): void {
  const draft = { boot_id: bootId, command_seq: null, thread_id: null, direction: 'lane' as const };
  journal.append({ ...draft, method, body: JSON.stringify(body) });
}

function threadOf(params: unknown): string | null {
  if (typeof params !== 'object' || params === null) return null;
  const { threadId, thread, conversationId } = params as Readonly<Record<string, unknown>>;
  if (typeof threadId === 'string') return threadId;
  if (typeof conversationId === 'string') return conversationId;
  if (typeof thread === 'object' && thread !== null) {
    const { id } = thread as { readonly id?: unknown };
    if (typeof id === 'string') return id;
  }
  return null;
}
