import { parseArgs } from 'node:util';
import type { CommandSpec, OptionSpec } from '../command.ts';
import { Args, usage } from './args.ts';
import { nearest } from './nearest.ts';

/** Options of every command. */
export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  control: { value: 'URL', text: 'Where control is; or AUTOPILOT_CONTROL.' },
  'client-id': { value: 'ID', text: 'Who asks; or AUTOPILOT_CLIENT_ID.' },
  'client-secret-file': { value: 'FILE', text: 'Holds the secret; or AUTOPILOT_CLIENT_SECRET_FILE.' },
  json: { text: 'One JSON document on standard output: {command, exit, result} or {command, exit, error}.' },
  help: { text: 'How the command is used.' },
};

/** Options of every command that changes something. */
export const changeOptions: Readonly<Record<string, OptionSpec>> = {
  reason: { value: 'TEXT', text: 'Why; it goes into the audit log.' },
  key: { value: 'KEY', text: 'Idempotency key of an earlier try: the command is done once.' },
  revision: { value: 'N', text: 'Only if the cutover still has this revision; default the one that is read.' },
};

/** A command line that was understood. */
export interface Line {
  readonly spec: CommandSpec;
  readonly args: Args;
}

/** The options that a command takes. */
export function optionsOf(spec: CommandSpec): Readonly<Record<string, OptionSpec>> {
  return { ...spec.options, ...(spec.changes === true ? changeOptions : {}), ...commonOptions };
}

/**
 * Finds the command and its options.
 *
 * @throws {CliError} `usage`.
 */
export function parseLine(given: readonly string[], commands: readonly CommandSpec[]): Line {
  const [name = 'help', ...rest] = given.length === 0 || given[0] === '--help' || given[0] === '-h' ? ['help'] : given;
  const spec = commands.find((each) => each.name === name);
  if (spec === undefined) {
    const like = nearest(
      name,
      commands.map((each) => each.name),
    );
    throw usage(`There is no command "${name}".${like === null ? '' : ` Did you mean "${like}"?`}`);
  }
  const options = optionsOf(spec);
  const { values, positionals } = parseStrictly(rest, options);
  const args = new Args(values, positionals);
  const [least, most] = spec.arguments;
  if (args.flag('help')) return { spec, args };
  if (positionals.length > most) throw usage(`"${positionals[most]}" is one argument too many for ${name}.`);
  if (positionals.length < least) throw usage(`${name} needs ${least === 1 ? 'an argument' : `${least} arguments`}.`);
  return { spec, args };
}

function parseStrictly(given: readonly string[], options: Readonly<Record<string, OptionSpec>>) {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { value }]) => {
      const type: 'string' | 'boolean' = value === undefined ? 'boolean' : 'string';
      return [name, name === 'help' ? { type, short: 'h' } : { type }];
    }),
  );
  const { tokens } = parseArgs({ args: [...given], options: config, strict: false, tokens: true });
  const values: Record<string, string | boolean> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const known = Object.hasOwn(options, name) ? options[name] : undefined;
    if (known === undefined) {
      const like = nearest(name, Object.keys(options));
      throw usage(`There is no option ${rawName} here.${like === null ? '' : ` Did you mean --${like}?`}`);
    }
    if (Object.hasOwn(values, name)) throw usage(`${rawName} is given twice.`);
    if (known.value === undefined && value !== undefined) throw usage(`${rawName} takes no value.`);
    // A value that looks like an option is one that was forgotten.
    const forgotten = value === undefined || (token.inlineValue === false && value.startsWith('--'));
    if (known.value !== undefined && forgotten) throw usage(`${rawName} needs a value: ${known.value}.`);
    values[name] = value ?? true;
  }
  return { values, positionals };
}
