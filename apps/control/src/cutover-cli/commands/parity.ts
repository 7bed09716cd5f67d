import path from 'node:path';
import {
  type ComparisonPair,
  comparisonPairs,
  compareRecordings,
  differencesOf,
  ParityError,
  parityMeasures,
} from '@autopilot/cutover-flags/parity';
import type { Call, CommandSpec, Outcome } from '../command.ts';
import type { ParityAnswer, StateAnswer } from '../control/answers.ts';
import { CliError } from '../errors.ts';
import { linesOf } from '../files.ts';
import { usage } from '../line/args.ts';
import { behind, type When } from '../line/when.ts';
import { count, counted, isoTime, shortDigest } from '../view/amounts.ts';
import { differences, judged, showCounts, showSamples } from '../view/parity-view.ts';

/** `cutover parity` */
export const parity: CommandSpec = {
  name: 'parity',
  summary: 'What the units have compared; or compares two recorded files.',
  usage: ['parity [--since T] [--pair PAIR]', 'parity --files LEFT RIGHT [--pair PAIR] [--from genesis|first]'],
  options: {
    since: { value: 'T', text: 'How far back, as 2h or 2026-11-22T18:00:00Z; default 24h.' },
    pair: { value: 'PAIR', text: `One of ${comparisonPairs.join(', ')}; default the first.` },
    files: { text: 'Compares two recordings, one event per line; control is not asked.' },
    from: {
      value: 'PLACE',
      text: 'With --files: "genesis" (default), or "first" for recordings that begin in the middle.',
    },
  },
  arguments: [0, 2],
  read: (args) => {
    const named = args.text('pair') ?? comparisonPairs[0];
    const pair = comparisonPairs.find((each) => each === named);
    if (pair === undefined) throw usage(`--pair "${named}" is not one of ${comparisonPairs.join(', ')}.`);
    if (!args.flag('files')) {
      if (args.positionals.length > 0) throw usage('Files are compared with --files LEFT RIGHT.');
      args.refuse(['from'], 'without --files');
      const since = args.when('since') ?? { kind: 'in', ms: 86_400_000 };
      return (call) => observed(call, pair, since);
    }
    args.refuse(['since'], 'with --files');
    const from = args.text('from') ?? 'genesis';
    if (from !== 'genesis' && from !== 'first') throw usage(`--from "${from}" is neither genesis nor first.`);
    const left = args.argument(0, 'LEFT');
    const right = args.argument(1, 'RIGHT');
    return (call) => recorded(call, { pair, from, left, right });
  },
};

/** Zero samples are no parity. */
function endingOf(differing: number, compared: number): Outcome['ending'] {
  if (differing > 0) return 'found';
  return compared > 0 ? 'done' : 'refused';
}

async function observed({ control }: Call, pair: ComparisonPair, since: When): Promise<Outcome> {
  const { now } = await control().get<StateAnswer>('state');
  const from = behind(since, now);
  const answer = await control().get<ParityAnswer>(`parity?pair=${encodeURIComponent(pair)}&since=${from}`);
  const { counts, windows, units, measures, samples } = answer;
  const unequal = measures?.unequal_chains ?? 0;
  return {
    ending: counts === null ? 'refused' : endingOf(differences(counts) + unequal, judged(counts)),
    result: answer,
    show(page) {
      page.title(`${pair} since ${isoTime(from)}`);
      if (counts === null) {
        page.text('Nothing was compared: no unit has reported a window.', 'warn');
        return;
      }
      page.text(`${counted(windows, 'window')} of ${counted(units, 'unit')}.`);
      page.blank();
      showCounts(page, counts);
      if (unequal > 0) page.text(`${counted(unequal, 'stream')} with unequal chains.`, 'bad');
      showSamples(page, samples);
    },
  };
}

interface Recorded {
  readonly pair: ComparisonPair;
  readonly from: 'genesis' | 'first';
  readonly left: string;
  readonly right: string;
}

async function recorded({ io, progress }: Call, { pair, from, left, right }: Recorded): Promise<Outcome> {
  const window = await compareRecordings(linesOf(path.resolve(io.cwd, left)), linesOf(path.resolve(io.cwd, right)), {
    pair,
    from,
    now: io.now(),
    onProgress: (lines) => progress.say(`${count(lines.left)} lines of ${left}, ${count(lines.right)} of ${right}`),
  })
    .catch((error: unknown) => {
      if (!(error instanceof ParityError)) throw error;
      const { message, next, details } = error;
      throw new CliError('file_invalid', message, { cause: error, next, details });
    })
    .finally(() => progress.end());
  const { counts, streams, unequal_chains, not_compared, sampled } = window;
  const left_out = Object.entries(not_compared).filter(([, value]) => value > 0);
  const differing = differencesOf(window) + unequal_chains;
  return {
    ending: differing === 0 && sampled ? 'refused' : endingOf(differing, judged(counts)),
    result: { ...window, measures: parityMeasures(window) },
    show(page) {
      page.title(`${left} (left) against ${right} (right)`);
      page.text(`${counted(window.positions, 'position')} of ${counted(streams.length, 'stream')} compared.`);
      page.blank();
      showCounts(page, counts);
      if (window.absent > 0)
        page.text(`${counted(window.absent, 'position')} between others that neither holds.`, 'bad');
      for (const [reason, value] of left_out) page.text(`${count(value)} not compared: ${reason}.`, 'warn');
      const unequal = streams.filter((each) => each.left !== each.right);
      if (unequal.length > 0) {
        page.heading('Unequal chains');
        page.table(
          [
            { head: 'stream', least: 16 },
            { head: 'at', align: 'right' },
            { head: 'left', least: 14 },
            { head: 'right', least: 14 },
          ],
          unequal.map((each) => [each.stream_id, each.seq, shortDigest(each.left), shortDigest(each.right)]),
        );
      }
      showSamples(page, window.samples);
    },
  };
}
