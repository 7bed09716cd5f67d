import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type BundleProblem,
  type EvidenceBundle,
  type PlanTarget,
  type TrustedKey,
  verifyAudit,
  verifyBundle,
  verifyReceipt,
} from '@autopilot/cutover-flags';
import { readGateKeys } from '../../cutover/gate-keys.ts';
import type { Call, CommandSpec, Outcome } from '../command.ts';
import { CliError } from '../errors.ts';
import { filesBelow, isFolder, readJson, writeWhole } from '../files.ts';
import { usage } from '../line/args.ts';
import { counted } from '../view/amounts.ts';
import { targetText } from '../view/plan-view.ts';
import { readTarget } from './plan.ts';

/** `cutover evidence` */
export const evidence: CommandSpec = {
  name: 'evidence',
  summary: 'Writes all that a step rests on as one document, or verifies such documents off-line.',
  usage: [
    'evidence export --to STAGE [--out FILE] [--keys-out FILE]',
    'evidence verify FILE|DIR [--keys FILE] [--digest DIGEST]',
  ],
  options: {
    to: { value: 'STAGE', text: 'With export: the step; a stage or "sealed".' },
    percent: { value: 'P', text: 'With export: the step; a share of the units.' },
    out: { value: 'FILE', text: 'With export: where to; default standard output.' },
    'keys-out': { value: 'FILE', text: 'With export: writes the public keys that control believes.' },
    keys: { value: 'FILE', text: 'With verify: the keys to believe; default those of control.' },
    digest: { value: 'DIGEST', text: 'With verify: the digest that you were told, of one bundle.' },
  },
  arguments: [1, 2],
  read: (args) => {
    const verb = args.argument(0, 'export or verify');
    if (verb === 'export') {
      args.refuse(['keys', 'digest'], 'with evidence export');
      if (args.positionals.length > 1) throw usage('evidence export takes --out FILE.');
      const to = readTarget(args);
      return (call) => exportBundle(call, to, args.text('out'), args.text('keys-out'));
    }
    if (verb !== 'verify') throw usage(`"${verb}" is neither export nor verify.`);
    args.refuse(['to', 'percent', 'out', 'keys-out'], 'with evidence verify');
    const place = args.argument(1, 'FILE or DIR');
    const keys = args.text('keys');
    const digest = args.text('digest');
    return async (call) => verifyPlace(call, place, await keysFor(call, keys), digest);
  },
};

interface EvidenceAnswer {
  readonly bundle: EvidenceBundle;
  readonly keys: readonly TrustedKey[];
}

async function exportBundle(
  call: Call,
  to: PlanTarget,
  out: string | undefined,
  keysOut: string | undefined,
): Promise<Outcome> {
  const name = typeof to === 'object' ? `percent=${to.percent}` : `to=${to}`;
  const { bundle, keys } = await call.control().get<EvidenceAnswer>(`evidence?${name}`);
  const text = `${JSON.stringify(bundle)}\n`;
  if (keysOut !== undefined) writeWhole(path.resolve(call.io.cwd, keysOut), `${JSON.stringify({ keys }, null, 2)}\n`);
  if (out === undefined) return { ending: 'done', result: bundle, raw: text, show: () => {} };
  writeWhole(path.resolve(call.io.cwd, out), text);
  const { digest, receipts, audit } = bundle;
  return {
    ending: 'done',
    result: { file: out, digest, receipts: receipts.length, audit: audit.length },
    show(page) {
      page.title(`The evidence for ${targetText(to)} is in ${out}.`, 'good');
      page.fields([
        ['holds', `the plan, ${counted(receipts.length, 'receipt')}, ${counted(audit.length, 'audit record')}`],
        ['digest', digest],
      ]);
      page.verbatim(`To verify it: cutover evidence verify ${out} --keys FILE --digest ${digest}`);
    },
  };
}

async function keysFor(call: Call, file: string | undefined): Promise<readonly TrustedKey[]> {
  if (file !== undefined) return readGateKeys(path.resolve(call.io.cwd, file));
  if (!call.hasControl) throw usage('--keys FILE is missing, and no control is given whose keys could be taken.');
  return (await call.control().get<{ keys: readonly TrustedKey[] }>('evidence/keys')).keys;
}

/** What became of one file. */
interface Verified {
  readonly file: string;
  readonly what: 'bundle' | 'receipt' | 'audit';
  readonly problems: readonly BundleProblem[];
}

async function verifyPlace(
  call: Call,
  place: string,
  keys: readonly TrustedKey[],
  digest: string | undefined,
): Promise<Outcome> {
  const full = path.resolve(call.io.cwd, place);
  const folder = await isFolder(full);
  if (folder && digest !== undefined) throw usage('--digest is of one file, not of a folder.');
  const files = folder ? await filesBelow(full, ['.json', '.ndjson']) : [full];
  const verified: Verified[] = [];
  const unknown: string[] = [];
  for (const [index, file] of files.entries()) {
    call.progress.say(`${index} of ${files.length} files`);
    const name = folder ? path.relative(full, file) : place;
    const one = folder ? verifyKnown(file, keys) : verifyBundleFile(file, keys, digest);
    if (one === null) unknown.push(name);
    else verified.push({ file: name, ...one });
  }
  call.progress.end();
  if (verified.length === 0) {
    throw new CliError('nothing_given', `${place} holds no bundle, receipt or audit log.`, {
      next: 'Give a folder that evidence was exported to.',
    });
  }
  const bad = verified.filter(({ problems }) => problems.length > 0);
  return {
    ending: bad.length > 0 ? 'found' : 'done',
    result: { ok: bad.length === 0, verified, not_verified: unknown },
    show(page) {
      page.table(
        [{ head: 'file', least: 20 }, { head: 'what' }, { head: 'found', least: 24 }],
        verified.map(({ file, what, problems }) => [
          file,
          what,
          problems.length === 0
            ? { text: 'whole', tone: 'good' }
            : { text: problems.map(({ part, reason }) => `${part}: ${reason}`).join(' '), tone: 'bad' },
        ]),
      );
      if (unknown.length > 0)
        page.text(`Not verified, as they are of no form that is known: ${unknown.join(', ')}`, 'warn');
      page.title(
        `${verified.length - bad.length} of ${counted(verified.length, 'file')} whole.`,
        bad.length === 0 ? 'good' : 'bad',
      );
    },
  };
}

function verifyBundleFile(
  file: string,
  keys: readonly TrustedKey[],
  digest: string | undefined,
): Omit<Verified, 'file'> {
  return { what: 'bundle', problems: verifyBundle(readJson(file), keys, { digest }) };
}

/** A file of a folder by its form; null when it is of no form that is known. */
function verifyKnown(file: string, keys: readonly TrustedKey[]): Omit<Verified, 'file'> | null {
  if (file.endsWith('.ndjson')) {
    const verdict = verifyAudit(auditLines(file));
    return { what: 'audit', problems: verdict.ok ? [] : [{ part: 'audit', reason: verdict.reason }] };
  }
  if (file.endsWith('.dsse.json')) {
    try {
      verifyReceipt(readJson(file), keys);
      return { what: 'receipt', problems: [] };
    } catch (error) {
      return { what: 'receipt', problems: [{ part: 'receipt', reason: (error as Error).message }] };
    }
  }
  const value = readJson(file);
  const schema = typeof value === 'object' && value !== null ? (value as Partial<EvidenceBundle>).schema : undefined;
  return schema === 'autopilot.cutover-evidence.v1' ? { what: 'bundle', problems: verifyBundle(value, keys) } : null;
}

/** Audit records of a file; a line that is not JSON is a record that cannot be right. */
function auditLines(file: string): readonly unknown[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        return line;
      }
    });
}
