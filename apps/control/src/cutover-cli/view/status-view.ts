import { overdueWaivers, rules } from '@autopilot/cutover-flags';
import type { ParityAnswer, PublicState, StatusAnswer } from '../control/answers.ts';
import { count, counted, duration, moment, relative, share, shortDigest } from './amounts.ts';
import { showGates } from './gate-rows.ts';
import type { Page } from './page.ts';
import { differences, judged } from './parity-view.ts';
import { targetText } from './plan-view.ts';
import type { Tone } from './style.ts';

/** Where the cutover stands, what keeps it there, and what to do next. */
export function showStatus(page: Page, status: StatusAnswer, parity: ParityAnswer): void {
  const { state, now } = status;
  page.title(`Stage ${state.stage} of 3: ${state.stage_name}${state.sealed ? ', sealed' : ''}`);
  page.fields([
    ['status', state.status, state.status === 'idle' || state.sealed ? 'none' : 'warn'],
    ['since', moment(state.stage_since, now)],
    [
      'revision',
      `${state.revision}; policy ${state.policy_revision}, changed ${relative(state.policy_changed_at, now)}`,
    ],
    ['deployment', status.deployment],
  ]);
  showWarnings(page, status);
  showRules(page, state);
  page.heading('Units');
  page.fields([...cohortFields(status), ...unitFields(status)]);
  showFlip(page, state, now);
  page.heading(`Parity of ${parity.pair}, last 24 h`);
  showParity(page, parity);
  page.heading('Gates');
  showGates(page, status.gates);
  showDrift(page, status);
  showWaivers(page, state, now);
  page.heading('Next steps');
  if (status.next_steps.length === 0) page.text(state.sealed ? 'None: Stage 3 is sealed.' : nothingMissing(state));
  page.list(status.next_steps);
}

function showWarnings(page: Page, { state, now, clock_rate, rollback_reason }: StatusAnswer): void {
  const { fallback, holds } = state;
  if (clock_rate !== 1) page.alarm(`REHEARSAL: the clock of the cutover runs ${count(clock_rate)} times as fast.`);
  if (fallback !== null) {
    const whom = fallback.units === 'all' ? 'ALL UNITS' : counted(fallback.units.length, 'UNIT');
    const over = now >= fallback.expires_at;
    page.alarm(
      over
        ? `EMERGENCY FALLBACK of ${fallback.incident} HAS EXPIRED ${relative(fallback.expires_at, now)} and no longer acts; end it.`
        : `EMERGENCY FALLBACK: ${whom} on khala for ${fallback.incident}, until ${moment(fallback.expires_at, now)}.`,
    );
    page.alarm(`${fallback.operator}: ${fallback.reason}`);
  }
  for (const hold of holds) {
    const end = hold.needs_release ? 'has to be released' : 'ends by itself when the trigger is clear';
    page.alarm(`HELD by ${hold.trigger} since ${moment(hold.since, now)}; ${end}. ${hold.reason}`);
  }
  if (rollback_reason !== null) {
    page.text(`Last step back ${relative(rollback_reason.at, now)}: ${rollback_reason.reason}`, 'warn');
  }
}

function showRules(page: Page, { stage }: PublicState): void {
  page.heading('Rules in force');
  page.table(
    [{ head: 'rule' }, { head: 'lane' }, { head: 'compared with' }, { head: 'text', least: 24 }],
    Object.values(rules)
      .filter((rule) => rule.stage === stage)
      .map(({ id, text, decides }) => [id, decides.lane, decides.shadow ?? '-', text]),
  );
}

type Field = readonly [name: string, value: string, tone?: Tone];

function cohortFields({ state, now, sample_ratio, units }: StatusAnswer): readonly Field[] {
  const { cohort, cohort_since } = state;
  if (state.stage !== 1) return [];
  const cap = cohort.cap === null ? 'no cap' : `cap ${counted(cohort.cap, 'unit')}`;
  const lists = `${cohort.include.length} included, ${cohort.exclude.length} excluded by hand`;
  const p = sample_ratio?.p ?? null;
  return [
    ['cohort', `${cohort.percent} %, set ${relative(cohort_since, now)}; ${cap}; ${lists}`],
    ['observed', `${share(units.lanes.spacetime, units.live)} live units are on spacetime`],
    [
      'sample ratio',
      p === null ? 'not known' : `p = ${p.toPrecision(3)} of ${counted(sample_ratio?.samples ?? 0, 'unit')}`,
      p !== null && p < 0.001 ? 'bad' : 'none',
    ],
  ];
}

function unitFields({ units, mirror }: StatusAnswer): readonly Field[] {
  const { live, silent, lanes, acknowledged, drifting } = units;
  const waits =
    mirror.waiting === 0
      ? ''
      : `, ${counted(mirror.waiting, 'event')} waiting, the oldest ${duration(mirror.oldest_age_seconds * 1_000)}`;
  const broken = mirror.broken_streams === 0 ? '' : `, ${counted(mirror.broken_streams, 'broken stream')}`;
  const error = mirror.last_error === null ? '' : `; last error: ${mirror.last_error}`;
  return [
    [
      'units',
      `${live} live, ${silent} silent; ${lanes.khala} on khala, ${lanes.spacetime} on spacetime`,
      live === 0 ? 'warn' : 'none',
    ],
    ['acknowledged', `${acknowledged} of ${live} live units have the policy`, acknowledged < live ? 'warn' : 'none'],
    ['drifting', `${drifting}`, drifting > 0 ? 'bad' : 'none'],
    ['mirror to khala', `${mirror.state}${waits}${broken}${error}`, broken + error === '' ? 'none' : 'bad'],
  ];
}

function showFlip(page: Page, { flip, last_flip, cooldown_until }: PublicState, now: number): void {
  if (flip === null && last_flip === null && cooldown_until <= now) return;
  page.heading('Flips');
  const publication = flip?.publication ?? null;
  page.fields([
    ...(flip === null
      ? []
      : [
          ['request', `${flip.id} to ${targetText(flip.to)} by ${flip.requester}: ${flip.reason}`] as const,
          ['plan', shortDigest(flip.plan_digest)] as const,
          ['approved by', flip.approvals.map((each) => each.by).join(', ') || 'nobody yet'] as const,
        ]),
    ...(publication === null
      ? []
      : [
          [
            'acknowledged',
            `${publication.acknowledged ?? 'not counted'} of ${publication.expected ?? 'not counted'}; undone at ${moment(publication.deadline, now)} unless enough do`,
          ] as const,
        ]),
    ...(last_flip === null
      ? []
      : [
          [
            'last',
            `to ${targetText(last_flip.to)}: ${last_flip.outcome} ${relative(last_flip.at, now)}. ${last_flip.reason}`,
          ] as const,
        ]),
    ...(cooldown_until > now ? [['cooling down', `until ${moment(cooldown_until, now)}`] as const] : []),
  ]);
}

function showParity(page: Page, { counts, windows, units }: ParityAnswer): void {
  if (counts === null) {
    page.text('Nothing was compared.', 'warn');
    return;
  }
  const differ = differences(counts);
  const rest = `${counted(differ, 'difference')}, ${counts.late} late, ${counts.ignored} ignored`;
  page.text(
    `${share(counts.match, judged(counts))} positions match; ${rest}. ${counted(windows, 'window')} of ${counted(units, 'unit')}.`,
    differ > 0 ? 'bad' : 'none',
  );
}

function showDrift(page: Page, { drift, now }: StatusAnswer): void {
  if (drift.length === 0) return;
  page.heading('Drift');
  page.table(
    [{ head: 'unit', least: 12 }, { head: 'differs in', least: 12 }, { head: 'since' }, { head: 'says', least: 20 }],
    drift.map(({ unit, kinds, since, seen }) => [
      unit,
      { text: kinds.join(', '), tone: 'bad' },
      since === null ? '-' : relative(since, now),
      Object.entries(seen)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    ]),
  );
}

function showWaivers(page: Page, { waivers }: PublicState, now: number): void {
  if (waivers.length === 0) return;
  const overdue = new Set(overdueWaivers(waivers, now));
  page.heading('Waivers and emergencies');
  page.table(
    [
      { head: 'id', least: 14 },
      { head: 'for', least: 12 },
      { head: 'owner', least: 8 },
      { head: 'expires' },
      { head: 'reason', least: 16 },
    ],
    waivers.map((waiver) => [
      waiver.id,
      waiver.gate ?? `emergency ${waiver.incident ?? ''}`,
      waiver.owner,
      overdue.has(waiver) ? { text: 'OVERDUE', tone: 'bad' } : relative(waiver.expires_at, now),
      waiver.reason,
    ]),
  );
}

function nothingMissing({ stage, status }: PublicState): string {
  if (status === 'flipping') return 'Wait for the units to acknowledge the policy.';
  if (status === 'approved') return 'Advance the request.';
  if (status === 'requested') return 'The request waits for approvals.';
  return `Everything is met: cutover request --to ${stage === 3 ? 'sealed' : stage + 1} --reason TEXT`;
}
