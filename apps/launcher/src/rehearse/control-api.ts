import { LaunchError } from '../errors.ts';
import { type Client, basicOf } from './client.ts';

/** An answer of control; `body` is the parsed JSON, or the text where it is none. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at member by member, as an operator would.
  readonly body: any;
  readonly text: string;
}

/** Control over HTTP, as operators and CI use it. */
export interface ControlApi {
  /** Asks; while control does not answer, again and again until the patience ends. */
  ask(as: Client, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Answer>;
  /** A command with revision, idempotency key and reason. A refusal is an answer, not an exception. */
  command(as: Client, path: string, reason: string, members?: object): Promise<Answer>;
}

const patienceMs = 60_000;
const answerWithinMs = 30_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The API below a URL. Idempotency keys are `PREFIX-1`, `PREFIX-2` ... When `signal` aborts, whatever is asked is given up
 * with its reason.
 */
export function createControlApi(url: string, keyPrefix: string, signal?: AbortSignal): ControlApi {
  let commands = 0;

  async function once(as: Client, method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { authorization: basicOf(as), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([AbortSignal.timeout(answerWithinMs), ...(signal === undefined ? [] : [signal])]),
    });
    const text = await response.text();
    return { status: response.status, body: parse(text), text };
  }

  async function ask(as: Client, method: string, path: string, body?: object): Promise<Answer> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      signal?.throwIfAborted();
      try {
        const answer = await once(as, method, path, body);
        // It is starting or ending; every command has a key, so asking again is safe.
        if (answer.status < 502 || performance.now() > deadline) return answer;
      } catch (cause) {
        if (performance.now() > deadline) {
          throw new LaunchError('part_failed', `Control does not answer ${method} ${path}.`, { cause });
        }
      }
      await pause(200);
    }
  }

  return {
    ask,
    async command(as, path, reason, members = {}) {
      for (let tries = 1; ; tries += 1) {
        const { body: at } = await ask(as, 'GET', '/v1/cutover/state');
        commands += 1;
        const header = { revision: at.state.revision, idempotency_key: `${keyPrefix}-${commands}`, reason };
        const answer = await ask(as, 'POST', `/v1/cutover/${path}`, { ...header, ...members });
        // Control's own observations move the revision too: read it again, as a person would.
        if (answer.body?.code !== 'state_conflict' || tries === 5) return answer;
      }
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
