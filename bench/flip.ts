// How long a flip takes for many connected desktops: real control, embedded database and khala fixture as processes, and
// units that keep the routes and cadence of the desktop. Against it, in the same run, a bare HTTP server that answers the
// same exchanges with constant bytes.
// node --conditions=@autopilot/source bench/flip.ts [units] [--no-wait] [--sockets N] [--most SECONDS] [--profile DIR]
// --no-wait: units ask for the policy now and then only. Exits 1 when a flip takes longer than --most seconds (30).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type CutoverPolicy, verifyPolicy } from '@autopilot/cutover-flags';
import { bodyOf, createExchange } from './src/flip/exchange.ts';
import { credentialsOf, startLane } from './src/flip/lane.ts';
import { type FlipTimes, measureFlip } from './src/flip/measure-flip.ts';
import { createOperators } from './src/flip/operators.ts';
import { inRepository, startPart } from './src/flip/part.ts';
import { type Recorded, replay } from './src/flip/replay.ts';
import { createUnit, type SimulatedUnit } from './src/flip/unit.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    sockets: { type: 'string' },
    profile: { type: 'string' },
    most: { type: 'string' },
    'no-wait': { type: 'boolean', default: false },
  },
});
const count = wholeNumber(positionals[0], 10_000, 'units');
const sockets = wholeNumber(values.sockets, 64, 'sockets');
const mostSeconds = wholeNumber(values.most, 30, 'most');
/** Units appear spread over this time, and run for longer than it before a flip: as a fleet that is used. */
const spread = 15_000;

// The parts are killed when this process exits; a signal alone would leave them behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const folder = mkdtempSync(path.join(tmpdir(), 'flip-'));
const profile = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
const lane = await startLane(folder, profile);
const operators = createOperators(lane.control.url);
const exchange = createExchange(lane.control.url, sockets, credentialsOf('fleet'));
const waiting = createExchange(lane.control.url, count, credentialsOf('fleet'));
let units: SimulatedUnit[] = [];
try {
  process.exitCode = (await run()) ? 0 : 1;
} finally {
  for (const unit of units) unit.stop();
  exchange.close();
  waiting.close();
  operators.close();
  await lane.stop();
  rmSync(folder, { recursive: true });
}

async function run(): Promise<boolean> {
  const events = Array.from({ length: 10 }, (_, n) => {
    return { topic: 'run:1', kind: 'item', payload: { n }, idempotency_key: `e${n}` };
  });
  bodyOf(await exchange.ask('POST', '/v1/projections', JSON.stringify({ events })));
  const keys = bodyOf<Parameters<typeof verifyPolicy>[1]>(await exchange.ask('GET', '/.well-known/jwks.json'));
  const proved = new Map<string, Promise<CutoverPolicy>>();
  const prove = (jws: string) => {
    const known = proved.get(jws) ?? verifyPolicy(jws, keys, { deployment: lane.control.url, minRevision: 0 });
    proved.set(jws, known);
    return known;
  };
  let recorded: Recorded[] | undefined;
  let recordedFrom = 0;
  let failures = 0;
  const began = performance.now();
  const world = {
    exchange,
    waiting,
    waits: !values['no-wait'],
    prove,
    now: () => Date.now(),
    packages: Object.fromEntries(['sync-contract', 'session', 'apply-engine'].map((n) => [`@autopilot/${n}`, '0.1.0'])),
    // A question that has been waiting since before the flip counts from its beginning.
    answered: (kind: Recorded['kind'], began: number) =>
      recorded?.push({ at: Math.max(0, began - recordedFrom), kind }),
    failed: (error: unknown) => {
      failures += 1;
      if (failures <= 3) console.error(`after ${seconds(performance.now() - began)} s: ${String(error)}`);
    },
  };
  units = Array.from({ length: count }, (_, n) => createUnit(`desktop-${n}`, world));
  for (const unit of units) unit.start(Math.random() * spread, Math.random() * spread);
  // The first question is never one that waits; from the second on a unit is where it stays.
  await pause(spread * 2.5);

  const flips: { readonly to: 1 | 2; readonly times: FlipTimes; readonly recorded: readonly Recorded[] }[] = [];
  for (const to of [1, 2] as const) {
    const id = await operators.approved(to);
    const own: Recorded[] = [];
    const advanced = () => {
      recordedFrom = performance.now();
      recorded = own;
    };
    const times = await measureFlip(operators, id, count, lane.control.pid, advanced);
    recorded = undefined;
    flips.push({ to, times, recorded: own.toSorted((one, other) => one.at - other.at) });
    // Until every unit keeps the usual cadence again.
    if (to === 1) await pause(spread * 1.5);
  }
  const asked = performance.now();
  const { state, units: seen } = await operators.status();
  const statusTook = performance.now() - asked;
  const moved = units.filter((unit) => unit.decision.lane === 'spacetime' && unit.revision === state.policy_revision);
  if (moved.length !== count || seen.acknowledged !== count || seen.live !== count || seen.drifting !== 0) {
    throw new Error(`${moved.length} units moved; control sees ${JSON.stringify(seen)}: nothing was measured.`);
  }
  if (failures > 0) throw new Error(`${failures} exchanges failed: nothing was measured.`);
  for (const unit of units) unit.stop();

  const how = values['no-wait'] ? 'that ask now and then' : 'that wait for a policy';
  console.log(`${count} units ${how}, other exchanges over ${sockets} sockets; seconds from the answer of advance`);
  console.log('flip to     50 %     99 %      all     done   exchanges   CPU of control');
  for (const { to, times, recorded: own } of flips) {
    const cells = [times.half, times.most, times.all, times.done].map((each) => seconds(each).padStart(8));
    console.log(
      `Stage ${to} ${cells.join(' ')} ${String(own.length).padStart(11)} ${times.cpu.toFixed(2).padStart(14)} s`,
    );
  }
  console.log(`GET status with ${count} units: ${seconds(statusTook)} s`);

  const last = flips.at(-1);
  if (last === undefined) throw new Error('no flip');
  await compare(last.times, last.recorded);
  return flips.every(({ times }) => times.done <= mostSeconds * 1_000);
}

/** The exchanges of the flip once more: with a bare server at their times and at once, and with control at once. */
async function compare(times: FlipTimes, recorded: readonly Recorded[]): Promise<void> {
  const pathOf = (index: number) => `/v1/cutover/policy?unit=desktop-${index % count}`;
  const { policy_revision } = await operators.state();
  const beat = (index: number) =>
    JSON.stringify({
      ...{ unit: `desktop-${index % count}`, build: '20261101T000000Z', policy_revision, stage: 2, lane: 'spacetime' },
      ...{ rule: 'S2.1', shadow: null, session: 'live', lag_events: { khala: null, spacetime: 0 }, applied: 1_200 },
      ...{ duplicates: 0, gaps: 0, conflicts: 0, fallback_used: false, protocols: ['v3.bsatn.spacetimedb'] },
    });
  const answers = {
    GET: (await exchange.ask('GET', pathOf(0))).body,
    POST: (await exchange.ask('POST', '/v1/cutover/heartbeats', beat(0))).body,
  };
  const file = path.join(folder, 'answers.json');
  writeFileSync(file, JSON.stringify(answers));
  const entry = inRepository('bench', 'src', 'flip', 'bare-server.ts');
  const bare = await startPart({ name: 'bare', entry, args: [file], folder });
  const toBare = createExchange(bare.url, sockets, credentialsOf('fleet'));
  const common = { recorded, pathOf, bodyOf: beat };
  try {
    const warm = recorded.slice(0, 2_000);
    await replay({ ...common, recorded: warm, exchange: toBare, pid: bare.pid, paced: false });
    const atOnce = await replay({ ...common, exchange: toBare, pid: bare.pid, paced: false });
    const paced = await replay({ ...common, exchange: toBare, pid: bare.pid, paced: true });
    const control = await replay({ ...common, exchange, pid: lane.control.pid, paced: false });
    const line = (name: string, ms: number, cpu: number) =>
      console.log(`${name.padEnd(34)} ${seconds(ms).padStart(8)} s ${cpu.toFixed(2).padStart(8)} s CPU`);
    console.log(`the ${recorded.length} exchanges of the last flip`);
    line('flip itself', times.done, times.cpu);
    line('bare server, at the same times', paced.milliseconds, paced.cpu);
    line('bare server, at once', atOnce.milliseconds, atOnce.cpu);
    line('control, at once', control.milliseconds, control.cpu);
    console.log(`flip / bare at the same times: ${(times.done / paced.milliseconds).toFixed(2)}`);
    console.log(`flip / bare at once: ${(times.done / atOnce.milliseconds).toFixed(2)}`);
    console.log(`control / bare at once: ${(control.milliseconds / atOnce.milliseconds).toFixed(2)}`);
  } finally {
    toBare.close();
    await bare.stop();
  }
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1_000).toFixed(2);
}

function wholeNumber(text: string | undefined, otherwise: number, name: string): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(`${name} must be a whole number from 1, not "${text}".`);
  process.exit(2);
}
