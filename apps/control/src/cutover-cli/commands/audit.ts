import path from 'node:path';
import { type AuditHead, type AuditRecord, type AuditVerdict, verifyAudit } from '@autopilot/cutover-flags';
import type { Call, CommandSpec, Outcome } from '../command.ts';
import { CliError } from '../errors.ts';
import { linesOf, writeWhole } from '../files.ts';
import { type Args, usage } from '../line/args.ts';
import { counted, isoTime, shortDigest } from '../view/amounts.ts';

/** Records that are read at once. */
const page = 1_000;

interface AuditAnswer {
  readonly records: readonly AuditRecord[];
  readonly head: AuditHead;
}

/** `cutover audit` */
export const audit: CommandSpec = {
  name: 'audit',
  summary: 'Verifies, exports or shows the audit log.',
  usage: ['audit verify [FILE] [--head SEQ:HASH]', 'audit export [--out FILE]', 'audit show [--last N]'],
  options: {
    head: { value: 'SEQ:HASH', text: 'With verify: the last record that is known of; finds a log that was cut short.' },
    out: { value: 'FILE', text: 'With export: where to; default standard output.' },
    last: { value: 'N', text: 'With show: how many records; default 20.' },
  },
  arguments: [1, 2],
  read: (args) => {
    const verb = args.argument(0, 'verify, export or show');
    const only = (name: string, of: string) => {
      if (verb !== of) args.refuse([name], `with audit ${verb}`);
    };
    only('head', 'verify');
    only('out', 'export');
    only('last', 'show');
    if (verb !== 'verify' && args.positionals.length > 1) throw usage(`audit ${verb} takes no file.`);
    if (verb === 'verify') {
      const head = readHead(args);
      return (call) => verify(call, args.positionals[1], head);
    }
    if (verb === 'export') return (call) => exportAll(call, args.text('out'));
    if (verb === 'show') {
      const last = args.integer('last', 1, page) ?? 20;
      return (call) => show(call, last);
    }
    throw usage(`"${verb}" is none of verify, export, show.`);
  },
};

function readHead(args: Args): AuditHead | undefined {
  const text = args.text('head');
  if (text === undefined) return undefined;
  const [, seq = '', hash = ''] = /^(\d+):(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === '') throw usage(`--head "${text}" is not SEQ:HASH, as audit verify prints it.`);
  return { seq: Number(seq), hash: hash as AuditHead['hash'] };
}

/** Every record, page by page, and the head that control names at the end. */
async function allRecords({ control, progress }: Call): Promise<{ records: AuditRecord[]; head: AuditHead }> {
  const records: AuditRecord[] = [];
  for (let empty = 0; ; ) {
    const after = records.at(-1)?.seq ?? 0;
    const answer = await control().get<AuditAnswer>(`audit?after=${after}&limit=${page}`);
    records.push(...answer.records);
    progress.say(`${records.length} of ${answer.head.seq} audit records`);
    empty = answer.records.length === 0 ? empty + 1 : 0;
    // A record may be added between the page and the head; one that is missing stays missing.
    if (answer.records.length === 0 && (empty > 1 || after >= answer.head.seq)) {
      progress.end();
      return { records, head: answer.head };
    }
  }
}

async function verify(call: Call, file: string | undefined, expected: AuditHead | undefined): Promise<Outcome> {
  const { records, head } = file === undefined ? await allRecords(call) : await recordsOf(call, file);
  const verdict: AuditVerdict = verifyAudit(records, head);
  // A log that goes on after the head that is known is as whole as one that ends with it.
  const known =
    expected === undefined || expected.seq === 0 ? undefined : (records[expected.seq - 1] as AuditRecord | undefined);
  const missing = expected !== undefined && expected.seq > 0 && known?.hash !== expected.hash;
  const ok = verdict.ok && !missing;
  const reason = verdict.ok ? `Record ${expected?.seq} is not there, or is another one.` : verdict.reason;
  const result = { ok, records: records.length, head: verdict.ok ? verdict.head : null, ...(ok ? {} : { reason }) };
  return {
    ending: ok ? (records.length === 0 ? 'refused' : 'done') : 'found',
    result,
    show(view) {
      if (!ok) view.title(`The audit log was changed: ${reason}`, 'bad');
      else if (records.length === 0) view.title('There is no audit record yet: nothing was verified.', 'warn');
      else view.title(`${counted(records.length, 'audit record')}: the chain is whole.`, 'good');
      if (verdict.ok) view.fields([['head', `${verdict.head.seq}:${verdict.head.hash}`]]);
    },
  };
}

async function recordsOf({ io, progress }: Call, file: string): Promise<{ records: unknown[]; head: undefined }> {
  const records: unknown[] = [];
  for await (const line of linesOf(path.resolve(io.cwd, file))) {
    if (line.trim() === '') continue;
    try {
      records.push(JSON.parse(line));
    } catch (cause) {
      throw new CliError('file_invalid', `Line ${records.length + 1} of ${file} is not JSON.`, { cause });
    }
    if (records.length % page === 0) progress.say(`${records.length} audit records read`);
  }
  progress.end();
  return { records, head: undefined };
}

async function exportAll(call: Call, out: string | undefined): Promise<Outcome> {
  const { records, head } = await allRecords(call);
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  if (out === undefined) return { ending: 'done', result: { records, head }, raw: text, show: () => {} };
  writeWhole(path.resolve(call.io.cwd, out), text);
  return {
    ending: 'done',
    result: { file: out, records: records.length, head },
    show(view) {
      view.title(`${counted(records.length, 'audit record')} written to ${out}.`, 'good');
      view.fields([['head', `${head.seq}:${head.hash}`]]);
    },
  };
}

async function show(call: Call, last: number): Promise<Outcome> {
  const { head } = await call.control().get<AuditAnswer>('audit?limit=1');
  const answer = await call.control().get<AuditAnswer>(`audit?after=${Math.max(0, head.seq - last)}&limit=${last}`);
  return {
    ending: 'done',
    result: answer,
    show(view) {
      if (answer.records.length === 0) view.text('There is no audit record yet.');
      else
        view.table(
          [
            { head: '#', align: 'right' },
            { head: 'time' },
            { head: 'who', least: 6 },
            { head: 'what', least: 10 },
            { head: 'why', least: 16 },
          ],
          answer.records.map(({ seq, at, actor, event, reason, from, to }) => [
            `${seq}`,
            isoTime(Math.floor(at / 1_000) * 1_000),
            actor,
            from.stage === to.stage && from.percent === to.percent
              ? event
              : `${event} (${placeText(from)} to ${placeText(to)})`,
            shortDigest(reason),
          ]),
        );
    },
  };
}

function placeText({ stage, percent }: AuditRecord['from']): string {
  return stage === 1 ? `1 at ${percent} %` : `${stage}`;
}
