import { call, freshKey, type Outcome } from '../api.ts';
import type { Action, FormInput } from './action.ts';

/** A command that was sent, or may have been: the same one again has the same key. */
export interface Sent {
  readonly key: string;
  readonly content: string;
}

/** The answer to a command, as far as the page uses it. */
export interface CommandAnswer {
  readonly revision?: number;
  readonly replayed?: boolean;
  readonly verdict?: string;
  readonly reason?: string;
}

/** Sends an action at a revision. The key stays while the content does, so that nothing is done twice. */
export async function send(
  action: Action,
  input: FormInput,
  body: object,
  revision: number,
  last: Sent | null,
): Promise<{ readonly outcome: Outcome<CommandAnswer>; readonly sent: Sent }> {
  const path = action.path(input.draft);
  const reason = (input.draft.reason ?? '').trim();
  const content = JSON.stringify([path, body, reason]);
  const sent = last?.content === content ? last : { key: freshKey(), content };
  const header = action.command ? { revision, idempotency_key: sent.key, reason } : {};
  return { outcome: await call<CommandAnswer>(action.method, path, { ...header, ...body }), sent };
}
