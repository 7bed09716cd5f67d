import path from 'node:path';
import { ownGates } from '../../cutover/gate-keys.ts';
import type { Call, CommandSpec } from '../command.ts';
import type { GatesAnswer, ReceiptAnswer } from '../control/answers.ts';
import { CliError, ControlRefusal } from '../errors.ts';
import type { Ending } from '../exit-codes.ts';
import { filesBelow, isFolder, readJson } from '../files.ts';
import { usage } from '../line/args.ts';
import { counted, shortDigest } from '../view/amounts.ts';
import { showGates } from '../view/gate-rows.ts';

/** `cutover gates` */
export const gates: CommandSpec = {
  name: 'gates',
  summary: 'What each gate saw last and how old it is; or lets control look now.',
  usage: ['gates', 'gates --evaluate parity|parity-null|rollback-drill'],
  options: { evaluate: { value: 'GATE', text: 'One of the gates that control runs itself.' } },
  arguments: [0, 0],
  read: (args) => {
    const named = args.text('evaluate');
    const gate = ownGates.find((each) => each === named);
    if (named !== undefined && gate === undefined) {
      throw usage(`--evaluate "${named}" is not a gate that control runs: ${ownGates.join(', ')}.`);
    }
    if (gate === undefined) {
      return async (call) => {
        const answer = await call.control().get<GatesAnswer>('gates');
        return { ending: 'done', result: answer, show: (page) => showGates(page, answer.gates) };
      };
    }
    return async (call) => {
      const answer = await call.control().send<ReceiptAnswer>('POST', `gates/${gate}/evaluate`, {});
      const { verdict, reason, digest } = answer;
      return {
        ending: verdict === 'pass' ? 'done' : 'refused',
        result: answer,
        show(page) {
          page.title(`${gate}: ${verdict}`, verdict === 'pass' ? 'good' : verdict === 'fail' ? 'bad' : 'warn');
          page.text(reason);
          page.fields([['receipt', digest]]);
        },
      };
    };
  },
};

interface Submitted {
  readonly file: string;
  readonly answer: ReceiptAnswer | null;
  readonly error: { readonly code: string; readonly message: string; readonly next: string } | null;
}

/** `cutover submit` */
export const submit: CommandSpec = {
  name: 'submit',
  summary: 'Gives receipts of gates to control: files, or folders with *.dsse.json.',
  usage: ['submit FILE...'],
  options: {},
  arguments: [1, Number.MAX_SAFE_INTEGER],
  read: (args) => async (call) => {
    const control = call.control();
    const files = await receiptFiles(args.positionals, call);
    const done: Submitted[] = [];
    let ending: Ending = 'done';
    for (const file of files) {
      call.progress.say(`${done.length} of ${files.length} receipts: ${file}`);
      const envelope = readJson(path.resolve(call.io.cwd, file));
      try {
        done.push({ file, answer: await control.send<ReceiptAnswer>('POST', 'receipts', { envelope }), error: null });
      } catch (error) {
        // One bad receipt does not keep the others back; a client that may not submit, or no control, does.
        if (!(error instanceof ControlRefusal) || error.ending !== 'refused') throw error;
        const { code, message, next } = error;
        done.push({ file, answer: null, error: { code, message, next } });
        ending = 'refused';
      }
    }
    call.progress.end();
    return {
      ending,
      result: { receipts: done },
      show(page) {
        page.table(
          [{ head: 'receipt', least: 20 }, { head: 'gate', least: 12 }, { head: 'verdict' }, { head: '', least: 20 }],
          done.map(({ file, answer, error }) =>
            answer === null
              ? [file, '-', { text: 'REFUSED', tone: 'bad' }, `${error?.message} ${error?.next}`]
              : [
                  file,
                  answer.gate,
                  { text: answer.verdict, tone: answer.verdict === 'pass' ? 'good' : 'bad' },
                  `${answer.duplicate ? 'was known already, ' : ''}${shortDigest(answer.digest)}`,
                ],
          ),
        );
        const stored = done.filter(({ answer }) => answer !== null).length;
        page.text(
          `${stored} of ${counted(done.length, 'receipt')} are with control.`,
          stored === done.length ? 'good' : 'bad',
        );
      },
    };
  },
};

async function receiptFiles(given: readonly string[], { io }: Call): Promise<readonly string[]> {
  const files: string[] = [];
  for (const name of given) {
    const full = path.resolve(io.cwd, name);
    if (!(await isFolder(full))) files.push(name);
    else files.push(...(await filesBelow(full, ['.dsse.json'])).map((file) => path.relative(io.cwd, file)));
  }
  if (files.length === 0)
    throw new CliError('nothing_given', `There is no receipt (*.dsse.json) in ${given.join(', ')}.`);
  return [...new Set(files)];
}
