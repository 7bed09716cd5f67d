import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readAppended } from '../host-streams.ts';
import { openPartLogs } from '../part-logs.ts';
import { prepareClients } from './clients.ts';
import { createControlApi } from './control-api.ts';
import { createAcross } from './crossing.ts';
import { rehearsalConfig } from './cutover-config.ts';
import { createPolicyCollector, writeEvidence } from './evidence.ts';
import { gateReceipts } from './gate-receipts.ts';
import { type Load, startLoad } from './load.ts';
import { type Measurement, measure } from './measure.ts';
import type { RehearseOptions } from './options.ts';
import { type Processes, startProcesses } from './processes.ts';
import { createPublisher } from './publisher.ts';
import { createRemovalKey } from './removal-receipt.ts';
import type { Report } from './report.ts';
import { scaleOf } from './scale.ts';
import { seededRandom } from './seeded-random.ts';
import { createStageManager } from './stage-manager.ts';
import { createTimeline } from './timeline.ts';
import { goTheWay } from './way.ts';
import { fleetStream, startWatch, type Watch } from './watch.ts';

const root = path.join(import.meta.dirname, '..', '..', '..', '..');

/**
 * Rehearses the cutover. What does not hold is in the report; everything that was started is ended, also when `signal`
 * aborts.
 *
 * @throws {LaunchError} when there is nothing to begin with: bad receipts, parts that do not start.
 */
export async function rehearse(
  options: RehearseOptions,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Report> {
  const scale = scaleOf(options);
  const out = path.resolve(options.out);
  mkdirSync(out, { recursive: true });
  const began = new Date().toISOString();
  const receipts = await gateReceipts(options.receipts, say, signal);
  const timeline = createTimeline(say);
  const dataDir = mkdtempSync(path.join(tmpdir(), 'cutover-rehearsal-'));
  const logs = openPartLogs(path.join(out, 'logs'), () => {});
  const commit = headCommit();
  const clients = prepareClients(dataDir);
  const [anna] = clients.operators;
  const removalKey = createRemovalKey();
  const random = seededRandom(options.seed);
  const ended = new AbortController();
  const publishing = AbortSignal.any([signal, ended.signal]);

  let processes: Processes | undefined;
  let watch: Watch | undefined;
  let load: Load | undefined;
  let stoppedBy: string | null = null;
  let measurement: Measurement | null = null;
  let audit = 0;
  let policies = 0;
  let packages: Record<string, string> = {};
  let parity: unknown = null;
  let publisherRepeated = 0;
  let differences: readonly string[] = [];
  let handovers: Report['handovers'] = { done: 0, failed: 0, longest_ms: null };
  const abort = () => void processes?.stop();
  signal.addEventListener('abort', abort);
  try {
    timeline.begin('start');
    processes = await startProcesses({
      ...{ dataDir, scale, clients, commit, log: logs.add, progress: say, signal },
      config: rehearsalConfig(scale),
      gateKeys: [...receipts.keys, removalKey.trusted],
    });
    const api = createControlApi(processes.controlUrl, `rehearsal-${options.seed}`, signal);
    const evidence = { api, reader: anna, out };
    const collector = createPolicyCollector(evidence, clients.observer);
    const publisher = createPublisher(processes.controlUrl, clients.publisher, publishing);
    watch = startWatch({
      ...{ processes, publisher, timeline, say, load: () => load },
      async place() {
        await collector.collect();
        const { status, body } = await api.ask(anna, 'GET', '/v1/cutover/state');
        return status === 200 ? { stage: body.state.stage, percent: body.state.cohort.percent } : null;
      },
    });
    const watching = watch;
    const { controlUrl } = processes;
    load = startLoad({
      ...{ scale, publisher, random, lag: () => watching.lag },
      async behind(khala) {
        const [waiting] = await Promise.all([gauge(controlUrl, 'cutover_mirror_depth_events'), watching.look()]);
        const mirror = khala ? waiting : 0;
        return mirror === null || watching.behind === null ? null : Math.max(mirror, watching.behind);
      },
    });
    const each = Math.ceil(scale.desktops / scale.processes);
    for (let index = 0; index < scale.processes; index += 1) {
      const units = Math.min(each, scale.desktops - index * each);
      await processes.startSimulated({ name: `fleet-${index + 1}`, units, client: 'fleet', nullRun: true });
    }
    for (const index of clients.real.keys()) await processes.startReal(index);
    const fleet = scale.desktops + 2;
    const manager = createStageManager({
      ...{ api, clients, timeline, out, signal, units: () => fleet },
      across: (name, work) => across(name, work),
    });
    const across = createAcross({ load, publisher, watch, timeline, units: fleet, until: manager.until });
    await goTheWay({
      ...{ api, clients, processes, publisher, manager, timeline, scale, dataDir, receipts, removalKey },
      ...{ load, watch },
    });

    // The stage at the end belongs into the timeline too.
    await watch.note();
    timeline.begin('Measurement');
    const units = await watch.look();
    const heads = publisher.heads().filter(({ stream_id }) => fleetStream(stream_id));
    const { id: clientId, secret } = clients.publisher;
    const credentials = { clientId, secret, clientsFile: '', secretFile: '' };
    const host = await readAppended({ controlUrl: processes.controlUrl, credentials });
    const names = (await manager.status()).units.total;
    measurement = measure(
      heads,
      host,
      units,
      units.map(({ unit }) => unit),
    );
    timeline.check(
      'every unit of the fleet answers',
      units.length === fleet,
      `${units.length} of ${fleet}; control knows ${names}`,
    );
    const { lost, repeated, unequal_chains, applied, faults } = measurement;
    timeline.check(
      'nothing is lost, repeated or different, by chain',
      faults.length === 0,
      `${applied} applied, ${lost} lost, ${repeated} repeated, ${unequal_chains} unequal chains`,
    );
    const refused = units.reduce((sum, unit) => sum + unit.refused_writes, 0);
    timeline.mark('note', `${refused} writes of desktops to spacetime were refused before the wire`);
    handovers = {
      done: units.reduce((sum, unit) => sum + unit.handovers.done, 0),
      failed: units.reduce((sum, unit) => sum + unit.handovers.failed, 0),
      longest_ms: longestOf(units.flatMap((unit) => unit.handovers.longest_ms ?? [])),
    };
    ({ packages } = await manager.status());
    ({ audit_records: audit } = await writeEvidence(evidence, units, heads));
    timeline.check('the audit verifies', audit > 0, `${audit} records`);
    parity =
      (await api.ask(anna, 'GET', `/v1/cutover/parity?pair=${encodeURIComponent('khala/spacetime')}&since=0`)).body
        ?.counts ?? null;
    policies = collector.count;
    publisherRepeated = publisher.repeated;
  } catch (error) {
    if (processes === undefined && !signal.aborted) throw error;
    stoppedBy = signal.aborted ? 'interrupted' : error instanceof Error ? error.message : String(error);
    if (!signal.aborted && error instanceof Error && error.name !== 'RehearsalError') say(String(error.stack));
    timeline.check('the rehearsal went the whole way', false, stoppedBy);
  } finally {
    signal.removeEventListener('abort', abort);
    load?.stop();
    ended.abort();
    say('ending every process');
    await watch?.close();
    differences = watch?.differences ?? [];
    await processes?.stop();
    await logs.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
  timeline.end();
  const { checks, samples, marks, phases, crossings } = timeline;
  const rates = samples.flatMap(({ rate }) => (rate === null ? [] : [rate]));
  const ok =
    stoppedBy === null &&
    checks.length > 0 &&
    checks.every((check) => check.ok) &&
    measurement !== null &&
    measurement.faults.length === 0 &&
    differences.length === 0;
  return {
    form: 'autopilot.cutover-rehearsal.v1',
    ...{ ok, stopped_by: stoppedBy, began, seconds: timeline.now(), seed: options.seed, quick: options.quick },
    ...{ scale, commit, packages, measurement, differences, handovers, parity, policies },
    publisher_repeated: publisherRepeated,
    audit_records: audit,
    peak_applied_per_second: rates.length === 0 ? null : Math.max(...rates),
    ...{ checks, phases, crossings, marks, samples },
  };
}

/** One gauge of control's metrics; null when it does not answer. */
async function gauge(controlUrl: string, name: string): Promise<number | null> {
  try {
    const response = await fetch(new URL('/metrics', controlUrl), { signal: AbortSignal.timeout(5_000) });
    const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(await response.text());
    return found === null ? null : Number(found[1]);
  } catch {
    return null;
  }
}

function longestOf(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.round(Math.max(...times));
}

function headCommit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
