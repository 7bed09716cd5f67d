import type { Clock } from '@autopilot/sync-contract';
import { KeptStore } from '../announce/kept-store.ts';
import { storedStatus } from '../bridge/bridge-status.ts';
import { openJobStates, type JobState, jobStates } from '../jobs/job-states.ts';
import { type Job, JobStore } from '../jobs/job-store.ts';
import type { DeliveryState } from '../outbox/delivery-states.ts';
import { type DeliveryRow, OutboxStore } from '../outbox/outbox-store.ts';
import { relayUrl } from '../relay/relay-options.ts';
import { type BridgeFile, openBridgeFile } from '../store/bridge-file.ts';
import type { Command } from './parse-command.ts';
import { tableText } from './table-text.ts';

const lineOfReason = 60;
const atOnce = 1_000;

/** Does what a command asks, on a file that a bridge may have open. Gives the text to print. */
export async function runCommand(command: Exclude<Command, { kind: 'help' }>, clock: Clock): Promise<string> {
  const file = await openBridgeFile({ file: command.file, as: 'observer' });
  try {
    const store = new OutboxStore(file, clock);
    const jobs = new JobStore(file, clock);
    const now = clock.now();
    switch (command.kind) {
      case 'status':
        return said(command.json, storedStatus(store, jobs, new KeptStore(file)), (status) => statusText(status, now));
      case 'outbox':
        return said(command.json, listed(store, ['in-flight', 'pending'], command.limit), (rows) =>
          outboxText(rows, now),
        );
      case 'dead':
        return said(command.json, listed(store, ['dead', 'rejected'], command.limit), (rows) => outboxText(rows, now));
      case 'requeue':
        return said(command.json, { requeued: requeue(file, store, command) }, ({ requeued }) =>
          requeued === 1 ? '1 delivery was put back.\n' : `${requeued} deliveries were put back.\n`,
        );
      case 'jobs':
        return said(command.json, jobsOf(jobs, command.limit), (rows) => jobsText(rows, now));
    }
  } finally {
    file.close();
  }
}

function said<Value>(json: boolean, value: Value, text: (value: Value) => string): string {
  return json ? `${JSON.stringify(value)}\n` : text(value);
}

function listed(store: OutboxStore, states: readonly DeliveryState[], limit: number): readonly DeliveryRow[] {
  return states.flatMap((state) => store.list(state, limit)).slice(0, limit);
}

/** Every one that is dead or rejected, of an event, a relay, or all. */
function requeue(
  file: BridgeFile,
  store: OutboxStore,
  { event, relay }: { event: string | undefined; relay: string | undefined },
): number {
  const url = relay === undefined ? undefined : relayUrl(relay);
  let requeued = 0;
  for (const state of ['dead', 'rejected'] as const) {
    // What was put back is in the list no more; what is left out stays in front, so more is asked for.
    for (let passed = 0; ; ) {
      const rows = store.list(state, passed + atOnce).slice(passed);
      // A part at a time: a bridge that runs waits for it.
      file.transaction('Putting deliveries back', () => {
        for (const { event_id, relay: at } of rows) {
          const isMeant = (event === undefined || event === event_id) && (url === undefined || url === at);
          const move = { event_id, relay: at, input: 'requeue', reason: 'requeued' } as const;
          if (isMeant && store.move(move) !== undefined) requeued += 1;
          else passed += 1;
        }
      });
      if (rows.length < atOnce) break;
    }
  }
  return requeued;
}

function jobsOf(jobs: JobStore, limit: number) {
  const ended = jobStates.filter((state) => !(openJobStates as readonly JobState[]).includes(state));
  return [...openJobStates, ...ended]
    .flatMap((state) => jobs.list(state, limit))
    .slice(0, limit)
    .map(({ request, ...job }) => ({ ...job, kind: request.kind }));
}

function statusText({ standings, deliveries, jobs, kept }: ReturnType<typeof storedStatus>, now: number): string {
  return [
    `Events: ${standings.open} open, ${standings.reached} reached, ${standings.missed} missed.`,
    '',
    tableText(
      ['relay', 'state', 'deliveries', 'oldest'],
      deliveries.map((row) => [row.relay, row.state, `${row.number}`, ageText(now - row.oldest_since_ms)]),
      'There are no deliveries.',
    ),
    '',
    tableText(
      ['job as', 'state', 'jobs'],
      jobs.map((row) => [row.role, row.state, `${row.number}`]),
      'There are no jobs.',
    ),
    '',
    tableText(
      ['announced', 'state', 'since'],
      kept.map((row) => [row.coordinate, row.state, ageText(now - row.published_at_ms)]),
      'Nothing was announced.',
    ),
    '',
  ].join('\n');
}

function outboxText(rows: readonly DeliveryRow[], now: number): string {
  const cells = rows.map((row) => [
    row.event_id,
    row.relay,
    row.state,
    `${row.tries}`,
    row.state === 'pending' ? (row.next_at_ms <= now ? 'now' : `in ${ageText(row.next_at_ms - now)}`) : '',
    [row.reason, row.message]
      .filter((text) => text !== '')
      .join(': ')
      .slice(0, lineOfReason),
  ]);
  return `${tableText(['event', 'relay', 'state', 'tries', 'next', 'last said'], cells, 'There are none.')}\n`;
}

function jobsText(rows: ReturnType<typeof jobsOf>, now: number): string {
  const cells = rows.map((job) => [
    job.request_id,
    job.role,
    withWhom(job),
    `${job.kind}`,
    job.state,
    job.amount_msat === undefined ? '' : `${job.amount_msat} msat`,
    ageText(now - job.updated_at_ms),
    job.detail.replaceAll(/\s+/g, ' ').slice(0, lineOfReason),
  ]);
  return `${tableText(['request', 'as', 'with', 'kind', 'state', 'amount', 'moved', 'last said'], cells, 'There are no jobs.')}\n`;
}

/** The other side, by the beginning of its key. */
function withWhom({ role, customer, provider }: Pick<Job, 'role' | 'customer' | 'provider'>): string {
  const other = role === 'customer' ? provider : customer;
  return other === '' ? 'anybody' : `${other.slice(0, 8)}…`;
}

/** How long ago, in the largest unit that is whole. */
function ageText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
