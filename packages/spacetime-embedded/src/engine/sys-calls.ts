import { Buffer } from 'node:buffer';
import { BsatnFault } from './bsatn-walk.ts';
import type { ActiveCall, CallSession } from './call-session.ts';
import type { LogLine } from './database.ts';
import { datastoreCalls } from './datastore-calls.ts';
import type { GuestTools } from './guest-bootstrap.ts';
import { readHttpRequest, writeHttpResponse } from './http-codec.ts';
import { type ModuleHooks, messageOf, type SysModule } from './realm.ts';
import {
  ArgumentOutOfRange,
  BufferTooSmall,
  bigint,
  byteArray,
  text,
  u32,
  WrongArgumentType,
} from './sys-arguments.ts';
import { SysError } from './sys-error.ts';
import { Transaction } from './transaction.ts';

type Sys = (...args: unknown[]) => unknown;

const levels: Readonly<Record<number, LogLine['level']>> = {
  0: 'error',
  1: 'warn',
  2: 'info',
  3: 'debug',
  4: 'trace',
  101: 'panic',
};

/** Makes the two system modules for one realm. */
export function linkSysCalls(
  session: CallSession,
  tools: GuestTools,
  hooks: () => ModuleHooks | undefined,
): { sys20: SysModule; sys21: SysModule } {
  const guard = (call: Sys, name: string): Sys => {
    return (...args) => {
      const { active } = session;
      // The collector's finalizers run outside of calls, and nobody could catch what is thrown there.
      if (active === undefined && name === 'row_iter_bsatn_close') return undefined;
      const fault = active?.fault;
      // After a fault the module is as good as dead: what it catches does not bring it back.
      if (fault !== undefined) throw tools.error('execution was terminated');
      try {
        return call(...args);
      } catch (thrown) {
        throw guestError(thrown, active, tools, hooks());
      }
    };
  };
  const { datastore_clear, ...datastore } = datastoreCalls(session);
  const guardAll = (calls: Readonly<Record<string, Sys>>): SysModule =>
    Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, guard(call, name)]));
  return {
    sys20: guardAll({ ...datastore, ...generalCalls(session, tools) }),
    sys21: guardAll({ datastore_clear: datastore_clear as Sys }),
  };
}

function generalCalls(session: CallSession, tools: GuestTools): Readonly<Record<string, Sys>> {
  const { host } = session;
  const inCall = (): ActiveCall => {
    if (session.active === undefined) throw new SysError('notInTransaction');
    return session.active;
  };
  const procedure = (): ActiveCall & Required<Pick<ActiveCall, 'transactions'>> => {
    const call = inCall();
    const { transactions } = call;
    if (transactions === undefined) throw new SysError('transactionNotAnonymous');
    return call as ActiveCall & Required<Pick<ActiveCall, 'transactions'>>;
  };
  return {
    register_hooks: () => {
      throw new SysError('hostCallFailure', 'register_hooks is not part of version 2');
    },
    volatile_nonatomic_schedule_immediate: (name, args) => {
      inCall();
      host.scheduleImmediate(text(name, 'name'), byteArray(args, 'args').slice());
    },
    console_log: (level, message) => {
      inCall();
      host.log(levels[u32(level, 'level')] ?? 'info', text(message, 'message'));
    },
    console_timer_start: (name) => {
      inCall();
      return session.addTimer(text(name, 'name'));
    },
    console_timer_end: (id) => {
      inCall();
      const timer = session.timers.get(u32(id, 'timer_id'));
      if (timer === undefined) throw new SysError('noSuchConsoleTimer');
      session.timers.delete(u32(id, 'timer_id'));
      host.log('info', `Timing span "${timer.name}": ${(host.monotonic() - timer.startedAt).toFixed(3)}ms`);
    },
    identity: () => {
      inCall();
      return host.databaseIdentity;
    },
    get_jwt_payload: (connection) => {
      inCall();
      const payload = host.jwtPayload(bigint(connection, 'connection_id'));
      return tools.bytes(payload === undefined ? new Uint8Array() : Buffer.from(payload, 'utf8'));
    },
    procedure_http_request: (request, body) => {
      if (procedure().tx !== undefined) throw new SysError('wouldBlockTransaction');
      const asked = readHttpRequest(byteArray(request, 'request'));
      const sent = typeof body === 'string' ? Buffer.from(body) : byteArray(body, 'body').slice();
      const answer = answered(() => host.http(asked, sent));
      return tools.list([
        tools.bytes(writeHttpResponse(answer.response)),
        tools.bytes(typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body),
      ]);
    },
    procedure_start_mut_tx: () => {
      const call = procedure();
      if (call.tx !== undefined) throw new SysError('wouldBlockTransaction');
      call.tx = new Transaction();
      call.timestamp = call.transactions.start();
      return call.timestamp;
    },
    procedure_commit_mut_tx: () => {
      const call = procedure();
      const { tx } = call;
      if (tx === undefined) throw new SysError('notInTransaction');
      // Whatever comes of it, the transaction is over.
      call.tx = undefined;
      call.transactions.commit(tx);
    },
    procedure_abort_mut_tx: () => {
      const call = procedure();
      if (call.tx === undefined) throw new SysError('notInTransaction');
      call.tx = undefined;
    },
  };
}

function answered<T>(ask: () => T): T {
  try {
    return ask();
  } catch (cause) {
    throw new SysError('httpError', messageOf(cause));
  }
}

/** Turns what a system function threw into something of the module's realm. */
function guestError(
  thrown: unknown,
  call: ActiveCall | undefined,
  tools: GuestTools,
  hooks: ModuleHooks | undefined,
): unknown {
  if (thrown instanceof BufferTooSmall) return tools.object([['__buffer_too_small__', thrown.needed]]);
  if (thrown instanceof WrongArgumentType) return tools.typeError(thrown.message);
  if (thrown instanceof ArgumentOutOfRange) return tools.rangeError(thrown.message);
  const error = thrown instanceof BsatnFault ? new SysError('bsatnDecodeError') : thrown;
  if (error instanceof SysError) {
    if (hooks === undefined) return tools.error('cannot call this function during module initialization');
    const GuestError = hooks.__get_error_constructor__(error.errno);
    return new GuestError(error.message);
  }
  if (call !== undefined) call.fault = { cause: thrown };
  return tools.error('execution was terminated');
}
