import type { ActiveCall, CallSession } from './call-session.ts';
import type { ModuleScript } from './module-script.ts';
import { createRealm, type ModuleHooks, messageOf, type Realm } from './realm.ts';
import { linkSysCalls } from './sys-calls.ts';

/** How a call into the module ended. */
export type CallOutcome<T> =
  | { readonly ended: 'returned'; readonly value: T }
  /** The module threw its SenderError. */
  | { readonly ended: 'sender-error'; readonly message: string }
  /** Anything else; `detail` is for the module's log. */
  | { readonly ended: 'trap'; readonly detail: string };

/** Calls into the module, and gives it a new realm when the old one may be damaged. */
export class ModuleRunner {
  readonly #script: ModuleScript;
  readonly #session: CallSession;
  readonly #callsPerRealm: number;
  #realm: Realm | undefined;
  #calls = 0;

  constructor(script: ModuleScript, session: CallSession, callsPerRealm: number | undefined) {
    this.#script = script;
    this.#session = session;
    this.#callsPerRealm = callsPerRealm ?? Number.POSITIVE_INFINITY;
  }

  call<T>(call: ActiveCall, body: (hooks: ModuleHooks) => T): CallOutcome<T> {
    const { hooks } = this.#realmForCall();
    try {
      const value = this.#session.run(call, () => body(hooks));
      if (call.fault === undefined) return { ended: 'returned', value };
      return this.#trap(call.fault.cause);
    } catch (thrown) {
      if (call.fault !== undefined) return this.#trap(call.fault.cause);
      if (thrown instanceof hooks.__sender_error_class__) return { ended: 'sender-error', message: messageOf(thrown) };
      return this.#trap(thrown);
    }
  }

  #realmForCall(): Realm {
    // Inside of another call the realm must stay: that call is running in it.
    if (this.#session.active === undefined) {
      this.#calls += 1;
      if (this.#calls > this.#callsPerRealm) {
        this.#realm = undefined;
        this.#calls = 1;
      }
    }
    this.#realm ??= createRealm(this.#script, (tools, hooks) => linkSysCalls(this.#session, tools, hooks));
    return this.#realm;
  }

  #trap(cause: unknown): { readonly ended: 'trap'; readonly detail: string } {
    this.#realm = undefined;
    const stack = typeof cause === 'object' && cause !== null && 'stack' in cause ? cause.stack : undefined;
    return { ended: 'trap', detail: typeof stack === 'string' ? stack : messageOf(cause) };
  }
}
