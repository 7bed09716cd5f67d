import { createPrivateKey } from 'node:crypto';
import path from 'node:path';
import { type CutoverError, createReceipt, type SigningKey } from '@autopilot/cutover-flags';
import {
  countByKind,
  findingKinds,
  nodeFileTree,
  RemovalError,
  type RemovalResult,
  removalObservation,
  scanForLane,
} from '@autopilot/cutover-flags/removal';
import { isCodedError } from '@autopilot/sync-contract';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Call, CommandSpec, Outcome } from '../command.ts';
import { CliError } from '../errors.ts';
import type { Ending } from '../exit-codes.ts';
import { readJson, writeWhole } from '../files.ts';
import { usage } from '../line/args.ts';
import { environmentOf } from '../tree-environment.ts';
import { count, counted } from '../view/amounts.ts';

const endings: Readonly<Record<RemovalResult['verdict'], Ending>> = {
  pass: 'done',
  fail: 'found',
  inconclusive: 'refused',
};

/** `cutover verify` */
export const verify: CommandSpec = {
  name: 'verify',
  summary: 'Looks through a folder for everything that still knows khala.',
  usage: ['verify --stage 3 DIR [--receipt OUT --key FILE]'],
  options: {
    stage: { value: 'N', text: 'Only 3, removal, can be verified on files.' },
    receipt: { value: 'OUT', text: 'Writes the signed receipt of the gate "removal".' },
    key: { value: 'FILE', text: 'Signs it: a private key as a JWK, Ed25519 or P-256.' },
  },
  arguments: [1, 1],
  read: (args) => {
    if (args.stage('stage') !== 3) throw usage('--stage has to be 3: removal is what files can prove.');
    const folder = args.argument(0, 'DIR');
    const receipt = args.text('receipt');
    const key = args.text('key');
    if ((receipt === undefined) !== (key === undefined)) throw usage('--receipt and --key belong together.');
    return async (call) => {
      // A key that cannot sign is found out before a long scan, not after it.
      const signing = key === undefined ? null : await readSigningKey(path.resolve(call.io.cwd, key));
      const full = path.resolve(call.io.cwd, folder);
      const environment = environmentOf(full);
      if (signing !== null && Object.keys(environment.packages).length === 0) {
        throw new CliError(
          'file_invalid',
          `${folder} holds no package with a version: a receipt names what it is about.`,
        );
      }
      const result = await scan(call, full);
      if (signing !== null && receipt !== undefined) {
        const envelope = createReceipt(removalObservation(result, environment), signing);
        writeWhole(path.resolve(call.io.cwd, receipt), `${JSON.stringify(envelope)}\n`);
      }
      return outcomeOf(result, folder, receipt);
    };
  },
};

async function scan({ io, progress }: Call, folder: string): Promise<RemovalResult> {
  try {
    return await scanForLane(nodeFileTree(folder), {
      clock: { now: () => io.now() },
      onProgress: ({ files, bytes, findings }) =>
        progress.say(`${count(files)} files, ${(bytes / 1e6).toFixed(1)} MB, ${counted(findings, 'finding')}`),
    });
  } catch (error) {
    if (!(error instanceof RemovalError)) throw error;
    const code = error.code === 'tree_unreadable' ? 'file_unreadable' : 'file_invalid';
    throw new CliError(code, error.message, { cause: error, next: error.next, details: error.details });
  } finally {
    progress.end();
  }
}

async function readSigningKey(file: string): Promise<SigningKey> {
  const jwk = readJson(file) as JWK;
  try {
    createPrivateKey({ key: jwk as SigningKey['jwk'], format: 'jwk' });
    const keyid = await calculateJwkThumbprint(jwk);
    const key = { keyid, jwk: jwk as SigningKey['jwk'] };
    // Refuses a curve that receipts are not signed with.
    createReceipt(removalObservation({ ...nothing, from: 0, to: 0 }, { ...nowhere }), key);
    return key;
  } catch (cause) {
    const known = isCodedError(cause) ? (cause as CutoverError).message : '';
    throw new CliError('file_invalid', `${file} is not a private key as a JWK. ${known}`.trim(), {
      cause,
      next: 'Give an Ed25519 or P-256 key, such as .gate/key.json.',
    });
  }
}

const nothing = {
  verdict: 'inconclusive',
  reason: 'A trial of the key.',
  findings: [],
  scanned: { files: 0, bytes: 0, binary: 0, skipped: 0, allowed: 0, findings: 0 },
} as const;
const nowhere = { packages: { trial: '0.0.0' }, commit: null, module_schema: null, protocols: [] };

function outcomeOf(result: RemovalResult, folder: string, receipt: string | undefined): Outcome {
  const { verdict, reason, findings, scanned } = result;
  return {
    ending: endings[verdict],
    result: { folder, verdict, reason, scanned, findings, receipt: receipt ?? null },
    show(page) {
      for (const { file, line, kind, text } of findings) {
        page.verbatim(`${file}${line === 0 ? '' : `:${line}`}: ${kind}: ${text}`);
      }
      if (findings.length > 0) {
        const counts = countByKind(findings);
        page.heading('By kind');
        page.table(
          [{ head: 'kind' }, { head: 'places', align: 'right' }, { head: 'what to do', least: 24 }],
          findingKinds
            .filter((kind) => counts[kind] !== undefined)
            .map((kind) => [kind, count(counts[kind] ?? 0), findings.find((each) => each.kind === kind)?.next ?? '']),
        );
        page.blank();
      }
      if (scanned.findings > findings.length) page.text(`Only the first ${count(findings.length)} are shown.`, 'warn');
      page.title(`${verdict}: ${reason}`, verdict === 'pass' ? 'good' : verdict === 'fail' ? 'bad' : 'warn');
      const { files, bytes, binary, skipped, allowed } = scanned;
      page.text(
        `${counted(files, 'file')}, ${(bytes / 1e6).toFixed(1)} MB; ${count(binary)} binary, ${count(skipped)} in skipped folders, ${counted(allowed, 'place')} excused by the allow file.`,
        'dim',
      );
      if (receipt !== undefined) page.text(`The receipt is in ${receipt}: cutover submit ${receipt}`);
    },
  };
}
