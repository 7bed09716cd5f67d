// The comparator against the least that comparing can cost, in turns, in one process: a Map set, get and delete per
// event under the same keys (the floor), and the same with the two chain hashes that the comparator makes per position.
// node --conditions=@autopilot/source bench/parity.ts [events] [--json]
import { createComparator, type Side } from '@autopilot/cutover-flags/parity';
import {
  canonicalJson,
  canonicalPayloadHash,
  extendChain,
  genesisChain,
  type SyncEvent,
} from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { median } from './src/measure/in-turns.ts';
import { observeMachine } from './src/measure/machine.ts';
import { rounded, short, tableOf } from './src/measure/print.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, json } = readArguments();
const machine = observeMachine();
const positions = wholeNumber(positionals[0], 100_000, 'positions');
const rounds = 5;
const streams = 50;
/** How many positions the right side is behind the left one. */
const lag = 500;

const events = makeEvents();
const offers = makeOffers();
const work = { map: plainMap, map_and_chains: mapAndChains, comparator: compare };
const names = Object.keys(work) as (keyof typeof work)[];
const rates: Record<keyof typeof work, number[]> = { map: [], map_and_chains: [], comparator: [] };
// In turns: what else the machine does hits all of them alike. The first round warms up and is not counted.
for (let round = 0; round <= rounds; round += 1) {
  for (const name of names) {
    const start = performance.now();
    work[name]();
    const rate = offers.length / ((performance.now() - start) / 1_000);
    if (round > 0) rates[name].push(rate);
  }
}
const [map, chains] = [median(rates.map), median(rates.map_and_chains)];
const figures = names.map((name) => ({
  name,
  counted: offers.length * rates[name].length,
  events_per_second: rounded(Math.round(median(rates[name]))),
  microseconds_per_offer: rounded(1_000_000 / median(rates[name])),
  of_map_and_chains: rounded(median(rates[name]) / chains),
  of_map: rounded(median(rates[name]) / map),
}));
const settings = { positions, streams, lag, rounds };
const needed = ['events_per_second', 'microseconds_per_offer', 'of_map_and_chains', 'of_map'] as const;
printReport({ bench: 'parity', settings, machine: machine(), figures }, needed, {
  json,
  table: (measured) =>
    tableOf(
      ['', 'offers/s', 'us', 'rate / map and chains', 'rate / map'],
      measured.map((figure) => [figure.name, ...needed.map((member) => short(figure[member]))]),
    ),
});

/** Positions by stream and sequence in one Map per side, under the same keys, and nothing else. */
function plainMap(): void {
  const waiting = { left: new Map<string, Map<bigint, SyncEvent>>(), right: new Map<string, Map<bigint, SyncEvent>>() };
  if (pairUp(waiting, () => {}) !== positions) throw new Error('the Map did not pair every position');
}

function mapAndChains(): void {
  const waiting = { left: new Map<string, Map<bigint, SyncEvent>>(), right: new Map<string, Map<bigint, SyncEvent>>() };
  const heads = { left: new Map<string, string>(), right: new Map<string, string>() };
  const pairs = pairUp(waiting, (a, b) => {
    for (const [side, event] of [
      ['left', a],
      ['right', b],
    ] as const) {
      const before = heads[side].get(event.stream_id) ?? genesisChain(event.stream_id);
      heads[side].set(event.stream_id, extendChain(before, event));
    }
  });
  if (pairs !== positions) throw new Error('the Map did not pair every position');
}

function pairUp(
  waiting: Record<Side, Map<string, Map<bigint, SyncEvent>>>,
  met: (a: SyncEvent, b: SyncEvent) => void,
): number {
  let pairs = 0;
  for (const { side, event } of offers) {
    const theirs = waiting[side === 'left' ? 'right' : 'left'].get(event.stream_id);
    const other = theirs?.get(event.seq);
    if (other === undefined) {
      const mine = waiting[side].get(event.stream_id);
      if (mine === undefined) waiting[side].set(event.stream_id, new Map([[event.seq, event]]));
      else mine.set(event.seq, event);
    } else {
      theirs?.delete(event.seq);
      if (other.payload_hash === event.payload_hash) pairs += 1;
      met(event, other);
    }
  }
  return pairs;
}

function compare(): void {
  const comparator = createComparator({ pair: 'khala/spacetime', ports: systemPorts });
  for (let stream = 0; stream < streams; stream += 1) {
    for (const side of ['left', 'right'] as const) comparator.begin(side, `runtime.worker.${stream}`, null);
  }
  for (const { side, event } of offers) comparator.offer(side, event);
  const report = comparator.report();
  comparator.close();
  const sound = report.counts.match === positions && !report.sampled && report.unequal_chains === 0;
  if (!sound) throw new Error(`the comparator did not match every position: ${JSON.stringify(report.counts)}`);
}

function makeEvents(): readonly SyncEvent[] {
  return Array.from({ length: positions }, (_, index) => {
    const payload = canonicalJson({ item: { id: `item_${index}`, text: 'x'.repeat(200), type: 'agentMessage' } });
    return {
      stream_id: `runtime.worker.${index % streams}`,
      epoch: 'bench',
      seq: BigInt(Math.floor(index / streams) + 1),
      kind: 'item/completed',
      payload,
      payload_hash: canonicalPayloadHash(payload),
      idempotency_key: `run-42:${index}`,
      committed_at: 1_700_000_000_000_000n + BigInt(index),
    };
  });
}

/** Both sides bring every event; the right one lags. Copies, as two lanes would decode them. */
function makeOffers(): readonly { readonly side: Side; readonly event: SyncEvent }[] {
  const offered: { readonly side: Side; readonly event: SyncEvent }[] = [];
  for (let index = 0; index < positions + lag; index += 1) {
    const [left, right] = [events[index], events[index - lag]];
    if (left !== undefined) offered.push({ side: 'left', event: left });
    if (right !== undefined) offered.push({ side: 'right', event: structuredClone(right) });
  }
  return offered;
}
