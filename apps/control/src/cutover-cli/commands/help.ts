import type { CommandSpec } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { usage } from '../line/args.ts';
import { nearest } from '../line/nearest.ts';
import { changeOptions, commonOptions, optionsOf } from '../line/parse-line.ts';
import type { Page } from '../view/page.ts';

/** `cutover help`, over all commands. */
export function helpCommand(commands: () => readonly CommandSpec[]): CommandSpec {
  return {
    name: 'help',
    summary: 'All commands, or how one is used.',
    usage: ['help [COMMAND]'],
    options: {},
    arguments: [0, 1],
    read: (args) => {
      const [name] = args.positionals;
      const spec = commands().find((each) => each.name === name);
      if (name === 'rehearse') throw usage('rehearse has a help of its own: cutover rehearse --help.');
      if (name !== undefined && spec === undefined) {
        const like = nearest(
          name,
          commands().map((each) => each.name),
        );
        throw usage(`There is no command "${name}".${like === null ? '' : ` Did you mean "${like}"?`}`);
      }
      return async () => ({
        ending: 'done',
        result: spec === undefined ? { commands: commands().map(described), exit_codes: exitCodes } : described(spec),
        show: (page) => (spec === undefined ? showAll(page, commands()) : showOne(page, spec)),
      });
    },
  };
}

function described(spec: CommandSpec) {
  const { name, summary, usage: lines } = spec;
  return { name, summary, usage: lines.map((line) => `cutover ${line}`), options: optionsOf(spec) };
}

function showAll(page: Page, commands: readonly CommandSpec[]): void {
  page.title('cutover: moves live comms from khala to spacetime, stage by stage, on evidence.');
  page.heading('Commands');
  page.fields([
    ...commands.map(({ name, summary }) => [name, summary] as const),
    ['rehearse', 'The whole way on a local pair of lanes; see cutover rehearse --help.'],
  ]);
  page.heading('Options of every command');
  showOptions(page, commonOptions);
  page.heading('Options of every command that changes something');
  showOptions(page, changeOptions);
  page.heading('Exit codes');
  page.fields(Object.values(exitCodes).map(({ code, text }) => [`${code}`, text] as const));
}

/** How one command is used. */
export function showOne(page: Page, spec: CommandSpec): void {
  page.title(spec.summary);
  page.heading('Usage');
  for (const line of spec.usage) page.text(`cutover ${line}`);
  page.heading('Options');
  showOptions(page, optionsOf(spec));
}

function showOptions(page: Page, options: ReturnType<typeof optionsOf>): void {
  page.fields(
    Object.entries(options).map(([name, { value, text }]) => [
      `--${name}${value === undefined ? '' : ` ${value}`}`,
      text,
    ]),
  );
}
