import type { Call } from '../command.ts';
import { CliError } from '../errors.ts';
import type { Args } from '../line/args.ts';
import { repeatLine } from '../line/repeat-line.ts';
import type { CommandAnswer, StateAnswer } from './answers.ts';

/** What every command that changes something carries. */
export interface ChangeHeader {
  readonly reason: string | undefined;
  readonly key: string | undefined;
  readonly revision: number | undefined;
}

/** The header from the line; the reason is needed unless the command has one of its own. */
export function readHeader(args: Args, ownReason = false): ChangeHeader {
  return {
    reason: ownReason ? args.text('reason') : args.required('reason'),
    key: args.text('key'),
    revision: args.integer('revision', 0, Number.MAX_SAFE_INTEGER),
  };
}

/** One command for control. */
export interface Change {
  readonly method?: 'POST' | 'DELETE';
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly reason: string;
  /** Options whose value was found only now and has to be the same in a retry. */
  readonly settled?: Readonly<Record<string, string>>;
}

/** The answer, and the key that it was asked under. */
export type Sent = CommandAnswer & { readonly key: string };

/** Pauses before the same command is sent again when no answer came, milliseconds. */
const pauses = [300, 1_000];

/**
 * Sends a command with the revision that was read and a key of its own. When no answer comes it is sent again under the
 * same key, which makes that harmless.
 *
 * @throws {CliError} `answer_lost` with the line that repeats the command.
 */
export async function sendCommand(
  call: Call,
  header: ChangeHeader,
  make: (read: StateAnswer) => Change | Promise<Change>,
): Promise<Sent> {
  const control = call.control();
  const read = await control.get<StateAnswer>('state');
  const { method = 'POST', path, body, reason, settled } = await make(read);
  const key = header.key ?? `cli-${call.io.uuid()}`;
  const revision = header.revision ?? read.state.revision;
  call.note(`Revision ${revision}, idempotency key ${key}`);
  for (let tries = 0; ; tries += 1) {
    try {
      const sent = { revision, idempotency_key: key, reason, ...body };
      return { ...(await control.send<CommandAnswer>(method, path, sent)), key };
    } catch (error) {
      if (!(error instanceof CliError) || error.code !== 'control_unreachable') throw error;
      const pause = pauses[tries];
      if (pause === undefined) {
        throw new CliError('answer_lost', `${error.message} It is not known whether the command was carried out.`, {
          next: `Run it again under the same key; it is done once: ${repeatLine(call.given, { ...settled, key })}`,
          details: { key },
          cause: error,
        });
      }
      call.note('No answer; the same command is sent again under the same key.');
      await call.io.wait(pause);
    }
  }
}
