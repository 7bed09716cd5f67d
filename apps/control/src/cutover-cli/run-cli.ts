import { isCodedError } from '@autopilot/sync-contract';
import type { Call, Outcome } from './command.ts';
import { showOne } from './commands/help.ts';
import { commands } from './commands.ts';
import { hasAccess, readAccess } from './control/access.ts';
import { createControlClient } from './control/control-client.ts';
import { CliError, ControlRefusal } from './errors.ts';
import { type Ending, exitCodes } from './exit-codes.ts';
import type { CliIo } from './io.ts';
import { type Line, parseLine } from './line/parse-line.ts';
import { Page } from './view/page.ts';
import { Progress } from './view/progress.ts';
import { type Style, styleFor } from './view/style.ts';
import { plain } from './view/text.ts';

/** Runs one command line; gives the exit code. Never throws: what goes wrong is printed with what to do next. */
export async function runCli(given: readonly string[], io: CliIo): Promise<number> {
  const json = given.includes('--json');
  const name = given[0] === undefined || given[0].startsWith('-') ? 'help' : given[0];
  const progress = new Progress(io.stderr, io.now);
  try {
    const line = parseLine(given, commands);
    const outcome = line.args.flag('help')
      ? helpOf(line)
      : await line.spec.read(line.args)(callOf(line, given, io, progress));
    print(io, json, line.spec.name, outcome);
    return exitCodes[outcome.ending].code;
  } catch (error) {
    progress.end();
    const problem = withHelp(problemOf(error), name);
    const { code } = exitCodes[problem.ending];
    const { ending: _, ...shown } = problem;
    if (json) io.stdout.write(`${JSON.stringify({ command: plain(name), exit: code, error: shown })}\n`);
    else io.stderr.write(errorText(problem, io, styleFor(io.stderr, io.env)));
    return code;
  }
}

function callOf({ args }: Line, given: readonly string[], io: CliIo, progress: Progress): Call {
  return {
    io,
    given,
    progress,
    hasControl: hasAccess(args, io.env),
    control: () => createControlClient(readAccess(args, io), io.fetch),
    note(text) {
      progress.end();
      io.stderr.write(`${plain(text)}\n`);
    },
  };
}

function helpOf({ spec }: Line): Outcome {
  return {
    ending: 'done',
    result: { usage: spec.usage.map((line) => `cutover ${line}`) },
    show: (page) => showOne(page, spec),
  };
}

function print({ stdout, env }: CliIo, json: boolean, command: string, { ending, result, raw, show }: Outcome): void {
  if (json) {
    stdout.write(`${JSON.stringify({ command, exit: exitCodes[ending].code, result })}\n`);
    return;
  }
  if (raw !== undefined) {
    stdout.write(raw);
    return;
  }
  const page = new Page(stdout.columns, styleFor(stdout, env));
  show(page);
  stdout.write(page.toString());
}

/** A mistake in the use of a known command names the help of that command. */
function withHelp(problem: Problem, name: string): Problem {
  const known = problem.code === 'usage' && commands.some((each) => each.name === name);
  return known ? { ...problem, next: `Run "cutover help ${name}" to see how it is used.` } : problem;
}

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly next: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly ending: Ending;
}

function problemOf(error: unknown): Problem {
  if (error instanceof CliError || error instanceof ControlRefusal) {
    const { code, message, next, details, ending } = error;
    return { code, message, next, details, ending };
  }
  // A file that a package refuses, e.g. of gate keys.
  if (isCodedError(error)) {
    const { code, message, next, details } = error;
    return { code, message, next, details, ending: 'usage' };
  }
  const { message } = error as { readonly message?: string };
  return problemOf(new CliError('internal', `This was not foreseen: ${message ?? String(error)}`));
}

function errorText({ code, message, next, details }: Problem, { stderr }: CliIo, style: Style): string {
  const page = new Page(stderr.columns, style);
  page.text(`cutover: ${code}: ${message}`, 'bad');
  // A line to be copied must not be broken.
  page.verbatim(`Next: ${next}`);
  for (const [name, value] of Object.entries(details)) {
    page.verbatim(`  ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`, 'dim');
  }
  return page.toString();
}
