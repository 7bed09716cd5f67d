import { randomUUID } from 'node:crypto';
import { bodyOf, createExchange } from './exchange.ts';
import { credentialsOf } from './lane.ts';

/** What the answers tell that is used here. */
export interface SeenState {
  readonly revision: number;
  readonly policy_revision: number;
  readonly status: string;
  readonly stage: number;
  readonly flip: {
    readonly plan_digest: string;
    readonly publication: { readonly expected: number | null; readonly acknowledged: number | null } | null;
  } | null;
  readonly last_flip: { readonly id: string; readonly outcome: string; readonly reason: string } | null;
}

export interface SeenStatus {
  readonly state: SeenState;
  readonly units: { readonly live: number; readonly acknowledged: number; readonly drifting: number };
}

/** People who flip a stage. */
export interface Operators {
  state(): Promise<SeenState>;
  status(): Promise<SeenStatus>;
  /** Plan, request and two approvals. Resolves to the id of the request. */
  approved(to: 1 | 2): Promise<string>;
  /** Publishes it. Resolves when control has answered. */
  advance(id: string): Promise<void>;
  close(): void;
}

/** The three operators of the run. */
export function createOperators(url: string): Operators {
  const people = new Map(['anna', 'bert', 'cleo'].map((name) => [name, createExchange(url, 2, credentialsOf(name))]));
  const ask = async <T>(as: string, method: 'GET' | 'POST', path: string, body?: object): Promise<T> => {
    const exchange = people.get(as);
    if (exchange === undefined) throw new Error(`nobody is called ${as}`);
    const text = body === undefined ? undefined : JSON.stringify(body);
    return bodyOf<T>(await exchange.ask(method, `/v1/cutover/${path}`, text));
  };
  const state = async () => (await ask<{ state: SeenState }>('anna', 'GET', 'state')).state;
  const act = async (as: string, path: string, body: object): Promise<{ readonly id: string }> => {
    const { revision } = await state();
    return ask(as, 'POST', path, { revision, idempotency_key: randomUUID(), reason: 'bench', ...body });
  };
  return {
    state,
    status: () => ask('anna', 'GET', 'status'),
    async approved(to) {
      const { plan } = await ask<{ plan: { ready: boolean; next_steps: string[] } }>('anna', 'POST', 'plan', { to });
      if (!plan.ready) throw new Error(`The plan is not ready: ${plan.next_steps.join(' ')}`);
      const { id } = await act('anna', 'requests', { to });
      for (const by of ['bert', 'cleo']) {
        const plan_digest = (await state()).flip?.plan_digest;
        await act(by, `requests/${id}/approvals`, { plan_digest });
      }
      return id;
    },
    async advance(id) {
      await act('anna', `requests/${id}/advance`, {});
    },
    close() {
      for (const exchange of people.values()) exchange.close();
    },
  };
}
