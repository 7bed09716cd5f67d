import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WriterRecord } from './check-server.ts';
import { CacheCheckError } from './errors.ts';
import { makeFaults } from './make-faults.ts';
import type { CacheCheckOptions } from './options.ts';
import { pause } from './pause.ts';
import { readRecord } from './record.ts';
import { makeReport, type Report } from './report.ts';
import { type CheckedServer, startEmbeddedServer, useServer } from './server.ts';
import { streamsWorkload } from './streams-workload.ts';
import { Subscriber } from './subscriber.ts';
import { tablesWorkload } from './tables-workload.ts';
import { judge } from './verdict.ts';
import type { Violation } from './violations.ts';
import type { Workload } from './workload.ts';
import { Writer } from './writer.ts';

const writerCount = 2;
/** How long everybody may take to show the first rows. */
const readyWithinMs = 120_000;
/** How long the writers may take to hear of their last calls. */
const doneWithinMs = 120_000;
/** How long everybody may take to show the last transaction, once nothing is wrong any more. */
const settledWithinMs = 60_000;

/**
 * Makes one check and leaves its records in `options.out`.
 *
 * @throws {CacheCheckError} when no check could be made.
 */
export async function runCheck(
  options: CacheCheckOptions,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<Report> {
  rmSync(join(options.out, 'records'), { recursive: true, force: true });
  rmSync(join(options.out, 'data'), { recursive: true, force: true });
  mkdirSync(join(options.out, 'records'), { recursive: true });
  const workload = options.workload === 'streams' ? await streamsWorkload() : tablesWorkload();
  const subscribers: Subscriber[] = [];
  const writers: Writer[] = [];
  let server: CheckedServer | undefined;
  try {
    const { uri, database: name } = options;
    const bundle = await workload.bundle();
    server =
      uri === undefined
        ? await startEmbeddedServer(join(options.out, 'data'), name, bundle)
        : await useServer(uri, name, options.tokenFile, bundle);
    note(`server: ${server.database.url}, database ${name}, ${workload.name}`);
    return await check(options, workload, server, subscribers, writers, note, signal);
  } finally {
    for (const each of [...subscribers, ...writers]) await each.end();
    await server?.process?.kill();
    await workload.close();
    rmSync(join(options.out, 'data'), { recursive: true, force: true });
  }
}

async function check(
  options: CacheCheckOptions,
  workload: Workload,
  server: CheckedServer,
  subscribers: Subscriber[],
  writers: Writer[],
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<Report> {
  const { database } = server;
  await workload.prepare(database, options.subscribers);
  const from = Date.now();
  const path = (file: string) => join(options.out, 'records', file);
  const kinds = options.clients.flatMap((client) => options.reads.map((reads) => ({ client, reads })));
  for (let number = 0; number < options.subscribers; number += 1) {
    const { client, reads } = kinds[number % kinds.length] as (typeof kinds)[number];
    const config = {
      ...{ workload: workload.name, client, reads, database: database.name, sdkCompression: options.sdkCompression },
      token: await workload.token(database, { role: 'subscriber', number }),
      record: path(`subscriber-${number}.jsonl`),
      ...(options.tokenSeconds === undefined ? {} : { tokenSeconds: options.tokenSeconds }),
      ...(options.defect === undefined ? {} : { defect: options.defect }),
    };
    subscribers.push(await Subscriber.start(number, config, database.url));
  }
  for (let writer = 1; writer <= writerCount; writer += 1) {
    const token = await workload.token(database, { role: 'writer', number: writer });
    const target = {
      workload: workload.name,
      uri: database.url,
      database: database.name,
      token,
      record: path(`writer-${writer}.jsonl`),
    };
    writers.push(new Writer({ ...target, writer, rate: options.rate / writerCount, seed: options.seed }));
  }
  // Every fault must meet traffic that somebody sees.
  await until('every subscriber shows something', readyWithinMs, signal, () =>
    subscribers.every((each) => (each.position() ?? 0) > 0 || each.failure !== undefined),
  );
  note(`${subscribers.length} subscribers and ${writers.length} writers run; faults for ${options.seconds} s`);
  const run = await makeFaults({
    ...{ kinds: options.faults, subscribers, server: server.process, signal },
    ...{ seconds: options.seconds, seed: options.seed },
  });
  note(`${run.marks.length} faults were made; waiting for everybody to show the end`);
  for (const writer of writers) writer.finish();
  await until('the writers have heard of all calls', doneWithinMs, signal, () => writers.every(({ isOver }) => isOver));
  const head = await workload.head(database);
  // Whoever does not get there is found in its record.
  await until('', settledWithinMs, signal, () => subscribers.every((each) => each.position() === head)).catch(() => {});
  if (signal.aborted) throw signal.reason;
  const others: Violation[] = [];
  const judged = await workload.judge(database);
  const to = Date.now();
  for (const { name, failure } of subscribers) {
    if (failure !== undefined) others.push({ kind: 'crashed', detail: `${name} ${failure}` });
  }
  const failure = server.process?.failure();
  if (failure !== undefined) others.push({ kind: 'crashed', detail: `the server ${failure}` });
  for (const each of subscribers) await each.end();
  const records: WriterRecord[] = writers.map((writer) => writer.read());
  others.push(...judged.server(records));
  const found = subscribers.map(({ name, number, client, reads, config }) => {
    const record = readRecord(readFileSync(config.record, 'utf8'));
    return { name, number, client, reads, findings: judged.subscriber(record, reads) };
  });
  const evidence = {
    ...{
      subscribers: found,
      others,
      transactions: judged.transactions,
      logs: judged.logs,
      wanted: options.faults,
      marks: run.marks,
    },
    ownServer: server.process !== undefined,
  };
  const acknowledged = records.reduce((total, { acknowledged: nonces }) => total + nonces.length, 0);
  const report = makeReport(evidence, judge(evidence), { options, from, to, acknowledged, skipped: run.skipped });
  writeFileSync(join(options.out, 'server-log.json'), `${JSON.stringify(judged.log)}\n`);
  return report;
}

/** @throws {CacheCheckError} `no_progress`. */
async function until(what: string, withinMs: number, signal: AbortSignal, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!isSo()) {
    if (signal.aborted) throw signal.reason;
    if (performance.now() > deadline) {
      throw new CacheCheckError('no_progress', `Waited ${withinMs / 1000} s in vain until ${what}.`);
    }
    await pause(20, signal);
  }
}
