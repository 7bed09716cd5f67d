#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { isCodedError } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { HostError } from '../errors.ts';
import { startEmbedded } from '../start-embedded.ts';
import { allCases } from './all-cases.ts';
import { ownerFor } from './owner.ts';
import { type ConformanceCommand, parseConformanceOptions, usage } from './parse-options.ts';
import { caseLine, summaryText } from './report-text.ts';
import { runSuite, type SuiteReport } from './run-suite.ts';
import { ServerUnderTest } from './server-under-test.ts';

const exitCodes: Readonly<Record<SuiteReport['verdict'], number>> = { conforms: 0, differs: 1, inconclusive: 3 };

/** Runs what the command line asks for. Gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const command = parseConformanceOptions(args);
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  if (command.kind === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  const { only } = command;
  const cases = allCases.filter(({ id }) => only.length === 0 || only.some((text) => id.includes(text)));
  if (command.kind === 'list') {
    for (const { id, title, section } of cases) say(`${id.padEnd(36)} ${section.padEnd(20)} ${title}`);
    return 0;
  }
  const host =
    command.uri === undefined
      ? await startEmbedded({ database: 'none', listen: '127.0.0.1:0', anybodyMayPublish: true })
      : undefined;
  try {
    const report = await ask(command, command.uri ?? host?.url ?? '', cases, say);
    say(command.isJson ? JSON.stringify(report, undefined, 2) : summaryText(report));
    return exitCodes[report.verdict];
  } finally {
    await host?.close();
  }
}

async function ask(
  { ownerToken, prefix, isJson }: ConformanceCommand,
  uri: string,
  cases: typeof allCases,
  say: (line: string) => void,
): Promise<SuiteReport> {
  const token = ownerToken === undefined ? undefined : readToken(ownerToken);
  const owner = await ownerFor(uri, token).catch((error: unknown) =>
    String(error instanceof Error ? error.message : error),
  );
  if (typeof owner === 'string') {
    const totals = { pass: 0, fail: 0, notApplicable: 0 };
    return { uri, cases: [], totals, verdict: 'inconclusive', trouble: owner, left: [] };
  }
  const server = new ServerUnderTest(uri, prefix, owner, systemPorts);
  return await runSuite(server, cases, systemPorts, (result) => {
    if (!isJson) say(caseLine(result));
  });
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new HostError('usage', `The file ${path} of --owner-token cannot be read.`, { cause });
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const text = isCodedError(error)
      ? `${error.code}: ${error.message} ${error.code === 'usage' ? 'Run spacetime-conformance --help to see the options.' : error.next}`
      : `internal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    process.stderr.write(`spacetime-conformance: ${text}\n`);
    process.exit(isCodedError(error) && error.code === 'usage' ? 2 : 3);
  },
);
