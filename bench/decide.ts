// decide() against two local evaluations of the same rules over the same units: OpenFeature's in-memory provider through
// its client, and GrowthBook's client. In turns, in one process; all three must give the same lanes.
// node --conditions=@autopilot/source bench/decide.ts [evaluations] [--json]
// Exits 1 when decide() is less than 20 times as fast as either, or takes a microsecond or more.
import { type CutoverPolicy, decide, parsePolicy, policySchema, unitOf } from '@autopilot/cutover-flags';
import { GrowthBookClient } from '@growthbook/growthbook';
import { OpenFeature, TypedInMemoryProvider } from '@openfeature/server-sdk';
import { median } from './src/measure/in-turns.ts';
import { observeMachine } from './src/measure/machine.ts';
import { rounded, short, tableOf } from './src/measure/print.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const leastRatio = 20;
const mostNanoseconds = 1_000;
const rounds = 7;
const now = 1_800_000_000_000;
const share = 25;

const { positionals, json } = readArguments();
const evaluations = wholeNumber(positionals[0], 100_000, 'evaluations');
const machine = observeMachine();

const ids = Array.from({ length: 1_000 }, (_, n) => `desktop-${n}`);
const excluded = ids.filter((_, n) => n % 200 === 0);
const included = ids.filter((_, n) => n % 200 === 1);
const entries = (units: readonly string[]) => units.map((unit) => ({ unit, until: now + 1, reason: 'bench' }));
const policy: CutoverPolicy = parsePolicy({
  schema: policySchema,
  deployment: 'bench',
  revision: 1,
  stage: 1,
  sealed: false,
  issued_at: now,
  cohort: { salt: 'bench', percent: share, cap: null, include: entries(included), exclude: entries(excluded) },
  fallback: null,
  drain: false,
  shadow_sample: 0,
});

// Every contestant gets its own form of a unit ready made: only the evaluation is measured.
const subjects = ids.map((id, n) => {
  const unit = unitOf(id, policy, null);
  const flag = n % 10 === 0 ? '1' : undefined;
  const attributes = { id, bucket: unit.bucket, flag: flag ?? '' };
  return { unit, env: { now, flag, khala: true }, context: { targetingKey: id, ...attributes }, user: { attributes } };
});
type Subject = (typeof subjects)[number];

await OpenFeature.setProviderAndWait(
  new TypedInMemoryProvider({
    'cutover.lane': {
      disabled: false,
      variants: { khala: 'khala', spacetime: 'spacetime' },
      defaultVariant: 'khala',
      contextEvaluator: ({ targetingKey = '', bucket, flag }) => {
        if (excluded.includes(targetingKey)) return 'khala';
        if (flag === '1' || included.includes(targetingKey)) return 'spacetime';
        return Number(bucket) < share * 100 ? 'spacetime' : 'khala';
      },
    },
  }),
);
const openFeature = OpenFeature.getClient();

const growthBook = new GrowthBookClient().initSync({
  payload: {
    features: {
      'cutover.lane': {
        defaultValue: 'khala',
        rules: [
          { condition: { id: { $in: excluded } }, force: 'khala' },
          { condition: { flag: '1' }, force: 'spacetime' },
          { condition: { id: { $in: included } }, force: 'spacetime' },
          { condition: { bucket: { $lt: share * 100 } }, force: 'spacetime' },
        ],
      },
    },
  },
});

const contestants = {
  decide: ({ unit, env }: Subject) => decide(policy, unit, env).lane,
  'OpenFeature in-memory': ({ context }: Subject) => openFeature.getStringValue('cutover.lane', 'none', context),
  GrowthBook: ({ user }: Subject) => growthBook.getFeatureValue('cutover.lane', 'none', user),
};
type Name = keyof typeof contestants;
const names = Object.keys(contestants) as Name[];

const answers = await Promise.all(
  names.map(async (name) => JSON.stringify(await Promise.all(subjects.map((subject) => contestants[name](subject))))),
);
if (new Set(answers).size !== 1 || !answers[0]?.includes('khala') || !answers[0].includes('spacetime')) {
  throw new Error('The contestants do not give the same lanes, or only one: nothing is compared.');
}

const times: Record<Name, number[]> = { decide: [], 'OpenFeature in-memory': [], GrowthBook: [] };
// In turns: what else the machine does hits all of them alike. The first round warms up and is not counted.
for (let round = 0; round <= rounds; round += 1) {
  for (const name of names) {
    const nanoseconds = name === 'OpenFeature in-memory' ? await measureAwaited() : measure(contestants[name]);
    if (round > 0) times[name].push(nanoseconds);
  }
}

const own = median(times.decide);
const figures = names.map((name) => ({
  name,
  counted: evaluations * times[name].length,
  nanoseconds: rounded(median(times[name])),
  times_decide: rounded(median(times[name]) / own),
}));
await OpenFeature.close();
const settings = { evaluations, rounds, units: subjects.length };
printReport({ bench: 'decide', settings, machine: machine(), figures }, ['nanoseconds', 'times_decide'], {
  json,
  table: (measured) =>
    tableOf(
      ['', 'ns', 'times decide'],
      measured.map((figure) => [figure.name, short(figure.nanoseconds), short(figure.times_decide)]),
    ),
});
// Written so that a NaN is short.
const isFast = own < mostNanoseconds;
const isAhead = figures.every(({ name, times_decide }) => name === 'decide' || (times_decide ?? 0) >= leastRatio);
if (!isFast) console.error(`decide takes ${own.toFixed(1)} ns; less than ${mostNanoseconds} ns are asked for`);
if (!isAhead) console.error(`decide has to be at least ${leastRatio} times as fast as each of the others`);
process.exitCode = isFast && isAhead ? 0 : 1;

/** Nanoseconds of one evaluation that answers at once. */
function measure(evaluate: (subject: Subject) => unknown): number {
  let onSpacetime = 0;
  const start = performance.now();
  for (let at = 0; at < evaluations; at += 1) {
    if (evaluate(subjects[at % subjects.length] as Subject) === 'spacetime') onSpacetime += 1;
  }
  return settle(start, onSpacetime);
}

/** The same of one that is awaited, as OpenFeature's client has to be. */
async function measureAwaited(): Promise<number> {
  let onSpacetime = 0;
  const start = performance.now();
  for (let at = 0; at < evaluations; at += 1) {
    const lane = await contestants['OpenFeature in-memory'](subjects[at % subjects.length] as Subject);
    if (lane === 'spacetime') onSpacetime += 1;
  }
  return settle(start, onSpacetime);
}

/** The answers are used, so that no evaluation can be left out as without effect. */
function settle(start: number, onSpacetime: number): number {
  const nanoseconds = ((performance.now() - start) * 1e6) / evaluations;
  if (onSpacetime === 0 || onSpacetime === evaluations) throw new Error('all units were on one lane');
  return nanoseconds;
}
