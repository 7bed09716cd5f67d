import type { RollbackTarget } from '@autopilot/cutover-flags';
import type { CommandSpec } from '../command.ts';
import { readHeader, sendCommand } from '../control/send-command.ts';
import { type Args, usage } from '../line/args.ts';
import { ahead, type When } from '../line/when.ts';
import { counted, isoTime } from '../view/amounts.ts';
import { changed } from './changed.ts';

const drain = { drain: { text: 'Units change lanes at once; otherwise a session keeps the lane it began with.' } };

/** `cutover rollback` */
export const rollback: CommandSpec = {
  name: 'rollback',
  summary: 'Back to an earlier stage, to a smaller share, or some units to khala. Needs no approval.',
  usage: [
    'rollback --stage N [--percent P] --reason TEXT [--drain]',
    'rollback --cohort P --reason TEXT [--drain]',
    'rollback --units A,B --until T --reason TEXT [--drain]',
  ],
  options: {
    stage: { value: 'N', text: 'An earlier stage.' },
    percent: { value: 'P', text: 'With --stage: the share to go back to; never a larger one.' },
    cohort: { value: 'P', text: 'A smaller share in Stage 1.' },
    units: { value: 'A,B', text: 'These units, in Stage 1.' },
    until: { value: 'T', text: 'With --units: how long, as 2h or 2026-11-22T18:00:00Z.' },
    ...drain,
  },
  arguments: [0, 0],
  changes: true,
  read: (args) => {
    const target = readRollback(args);
    const header = readHeader(args);
    return async (call) => {
      const sent = await sendCommand(call, header, ({ now }) => {
        const until = target.until === undefined ? undefined : ahead(target.until, now);
        const settled = until === undefined ? {} : { until: isoTime(until) };
        const body = { target: until === undefined ? target.to : { ...target.to, until }, drain: args.flag('drain') };
        return { path: 'rollback', body, reason: header.reason ?? '', settled };
      });
      return changed(sent, `Rolled back: ${target.words}.`);
    };
  },
};

interface Rollback {
  readonly to: Omit<RollbackTarget, 'until'>;
  readonly until?: When;
  readonly words: string;
}

function readRollback(args: Args): Rollback {
  const kind = args.oneOf('stage', 'cohort', 'units');
  if (kind !== 'units') args.refuse(['until'], 'without --units');
  if (kind !== 'stage') args.refuse(['percent'], 'without --stage');
  if (kind === 'stage') {
    const stage = args.stage('stage') ?? 0;
    if (stage === 3) throw usage('Nothing is rolled back to Stage 3.');
    const percent = args.percent('percent') ?? null;
    return { to: { kind, stage, percent } as Rollback['to'], words: `Stage ${stage}` };
  }
  if (kind === 'cohort') {
    const percent = args.percent('cohort') ?? 0;
    return { to: { kind, percent } as Rollback['to'], words: `${percent} % of the units` };
  }
  const units = args.list('units') ?? [];
  return {
    to: { kind, units } as Rollback['to'],
    until: args.requiredWhen('until'),
    words: `${counted(units.length, 'unit')} to khala`,
  };
}

/** `cutover cohort` */
export const cohort: CommandSpec = {
  name: 'cohort',
  summary: 'The next larger share of Stage 1, the cap, and units that are set by hand.',
  usage: ['cohort --percent P [--cap N|none] --reason TEXT [--drain]', 'cohort --include A,B --until T --reason TEXT'],
  options: {
    percent: { value: 'P', text: 'The next step of the share; a smaller one is a rollback.' },
    cap: { value: 'N', text: 'The most units that the share brings in, or "none".' },
    include: { value: 'A,B', text: 'Units on spacetime whatever their share; added to the list.' },
    exclude: { value: 'A,B', text: 'Units on khala whatever their share; added to the list.' },
    until: { value: 'T', text: 'With --include or --exclude: how long.' },
    ...drain,
  },
  arguments: [0, 0],
  changes: true,
  read: (args) => {
    const percent = args.percent('percent');
    const cap = args.text('cap') === 'none' ? 'none' : args.integer('cap', 0, Number.MAX_SAFE_INTEGER);
    const lists = { include: args.list('include'), exclude: args.list('exclude') };
    const named = lists.include !== undefined || lists.exclude !== undefined;
    if (percent === undefined && cap === undefined && !named) {
      throw usage('Nothing is to be changed: give --percent, --cap, --include or --exclude.');
    }
    if (!named) args.refuse(['until'], 'without --include or --exclude');
    const until = named ? args.requiredWhen('until') : undefined;
    const header = readHeader(args);
    return async (call) => {
      const sent = await sendCommand(call, header, ({ state, now }) => {
        const reason = header.reason ?? '';
        const end = until === undefined ? undefined : ahead(until, now);
        const merged = (name: 'include' | 'exclude') => {
          const units = lists[name];
          if (units === undefined || end === undefined) return {};
          const kept = state.cohort[name].filter((entry) => !units.includes(entry.unit));
          return { [name]: [...kept, ...units.map((unit) => ({ unit, until: end, reason: reason.slice(0, 500) }))] };
        };
        const body = {
          ...(percent === undefined ? {} : { percent }),
          ...(cap === undefined ? {} : { cap }),
          ...merged('include'),
          ...merged('exclude'),
          ...(args.flag('drain') ? { drain: true } : {}),
        };
        return { path: 'cohort', body, reason, settled: end === undefined ? {} : { until: isoTime(end) } };
      });
      const { cohort: now } = sent.state;
      return changed(
        sent,
        `The share is ${now.percent} %${now.cap === null ? '' : `, at most ${counted(now.cap, 'unit')}`}.`,
      );
    };
  },
};
