import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatAge, formatCount, formatMs, formatTime, formatWhole, unknown } from '../format.ts';
import { laneWords, type Tone } from '../tones.ts';
import { ToneIcon } from './icon.tsx';

type Comms = NonNullable<DesktopStateJson['comms']>;
type Lane = Comms['router']['lanes'][number];

/** Which lane this desktop is on, by which rule, and how the other one compares. */
export function CommsPanel({ comms, now }: { readonly comms: Comms; readonly now: number }) {
  const { decision, stage, stage_name, fallback, router } = comms;
  return (
    <section className="panel comms" aria-labelledby="comms-title">
      <h2 id="comms-title">
        Lanes{' '}
        <span className="quiet">
          {stage === null ? 'no policy' : `stage ${stage}, ${stage_name}`}
          {comms.policy?.sealed === true && ', sealed'}
        </span>
      </h2>
      {fallback !== null && (
        <p className="fallback" data-tone="bad">
          <ToneIcon tone="warn" />
          <span>
            <strong>Emergency fallback</strong> for {formatWhole(Math.max(0, (fallback.expires_at - now) / 1000))} more,
            until {formatTime(fallback.expires_at)} · {fallback.incident} · by {fallback.operator}
          </span>
        </p>
      )}
      <p className="rule">
        <code className="rule-id">{decision.rule}</code>
        <span>{decision.reason}</span>
      </p>
      <div className="lane-cards">
        {router.lanes.map((lane) => (
          <LaneCard key={lane.id} lane={lane} comms={comms} />
        ))}
        <ParityCard parity={comms.parity} now={now} />
        {comms.null_run !== null && <NullRunCard run={comms.null_run} now={now} />}
        <HandoverCard comms={comms} now={now} />
      </div>
      <p className="comms-foot quiet">{policyLine(comms, now)}</p>
    </section>
  );
}

const roles: Readonly<Record<Lane['role'], string>> = {
  active: 'shown',
  next: 'taking over',
  shadow: 'compared',
  off: 'off',
};

function LaneCard({ lane, comms }: { readonly lane: Lane; readonly comms: Comms }) {
  const { word, tone } = lane.state === null ? { word: 'not connected', tone: 'idle' as Tone } : laneWords[lane.state];
  const decided = comms.decision.lane === lane.id && lane.role !== 'active';
  return (
    <div className="lane-card" data-role={lane.role}>
      <h3>
        <span className="lane">{lane.id}</span>
        <span className="role">{roles[lane.role]}</span>
      </h3>
      <p className="phase" data-tone={tone}>
        <ToneIcon tone={tone} />
        {word}
      </p>
      <p className="note numbers">
        {lane.role === 'off' ? (decided ? 'decided, not open' : 'no connection') : `lag ${lagText(lane.lag_events)}`}
      </p>
    </div>
  );
}

function lagText(events: string | null): string {
  return events === null ? unknown : `${formatCount(events)} ${events === '1' ? 'event' : 'events'}`;
}

const differing = ['mismatch', 'missing_left', 'missing_right', 'extra', 'reordered'] as const;
const words: Readonly<Record<(typeof differing)[number] | 'late', string>> = {
  mismatch: 'mismatch',
  missing_left: 'missing on khala',
  missing_right: 'missing on spacetime',
  extra: 'extra',
  reordered: 'reordered',
  late: 'late',
};

function ParityCard({ parity, now }: { readonly parity: Comms['parity']; readonly now: number }) {
  if (parity === null) {
    return (
      <div className="lane-card">
        <h3>Parity</h3>
        <p className="phase" data-tone="idle">
          <ToneIcon tone="idle" />
          nothing compared
        </p>
        <p className="note">needs both lanes</p>
      </div>
    );
  }
  const { counts } = parity;
  // What was missing and came late is there now.
  const unequal = Math.max(0, differing.reduce((sum, name) => sum + counts[name], 0) - counts.late);
  const bad = unequal > 0 || parity.unequal_chains > 0;
  const tone: Tone = bad ? 'bad' : counts.match > 0 ? 'good' : 'idle';
  const found = ([...differing, 'late'] as const).filter((name) => counts[name] > 0);
  const notes = [
    ...(bad ? [`${formatCount(counts.match)} equal`] : []),
    ...found.map((name) => `${formatCount(counts[name])} ${words[name]}`),
    ...(found.length === 0 ? ['no difference'] : []),
    ...(parity.pending > 0 ? [`${formatCount(parity.pending)} wait`] : []),
  ];
  return (
    <div className="lane-card">
      <h3>
        Parity <span className="role">{formatAge((now - parity.from) / 1000)}</span>
      </h3>
      <p className="phase numbers" data-tone={tone}>
        <ToneIcon tone={tone} />
        {bad ? `${formatCount(Math.max(unequal, parity.unequal_chains))} differ` : `${formatCount(counts.match)} equal`}
      </p>
      <p className="note numbers">{notes.join(' · ')}</p>
    </div>
  );
}

/** Says of one lane what its comparison with itself found; it is not the comparison of the two lanes. */
function NullRunCard({ run, now }: { readonly run: NonNullable<Comms['null_run']>; readonly now: number }) {
  const { counts } = run;
  const unequal = Math.max(0, differing.reduce((sum, name) => sum + counts[name], 0) - counts.late);
  const bad = unequal > 0 || run.unequal_chains > 0;
  const tone: Tone = bad ? 'bad' : run.running && counts.match > 0 ? 'good' : 'idle';
  const found = differing
    .filter((name) => counts[name] > 0)
    .map((name) => `${formatCount(counts[name])} ${sides[name]}`);
  const word = bad
    ? `${formatCount(Math.max(unequal, run.unequal_chains))} differ`
    : counts.match > 0
      ? `${formatCount(counts.match)} equal`
      : 'nothing compared';
  const notes = [
    run.running ? `second reader ${run.second}` : `not running: ${run.reason}`,
    ...found,
    `${formatCount(run.told)} windows told`,
    ...(run.error === null ? [] : [run.error]),
  ];
  return (
    <div className="lane-card">
      <h3>
        Null run <span className="role">{`${run.lane} with itself, ${formatAge((now - run.from) / 1000)}`}</span>
      </h3>
      <p className="phase numbers" data-tone={tone}>
        <ToneIcon tone={tone} />
        {word}
      </p>
      <p className="note numbers">{notes.join(' · ')}</p>
    </div>
  );
}

const sides: Readonly<Record<(typeof differing)[number], string>> = {
  mismatch: 'mismatch',
  missing_left: 'missing on the first reader',
  missing_right: 'missing on the second',
  extra: 'extra',
  reordered: 'reordered',
};

const phases: Readonly<Record<Comms['router']['phase'], string>> = {
  idle: 'not started',
  steady: 'on the decided lane',
  keeping: 'session keeps its lane',
  damped: 'waits after a change',
  preparing: 'next lane gets ready',
  retrying: 'failed, will try again',
  closed: 'closed',
};

const phaseTones: Readonly<Record<Comms['router']['phase'], Tone>> = {
  idle: 'idle',
  steady: 'good',
  keeping: 'warn',
  damped: 'busy',
  preparing: 'busy',
  retrying: 'bad',
  closed: 'idle',
};

function HandoverCard({ comms, now }: { readonly comms: Comms; readonly now: number }) {
  const { router } = comms;
  const tone = router.missing_lane === null ? phaseTones[router.phase] : 'bad';
  const last = router.handovers.at(-1);
  return (
    <div className="lane-card">
      <h3>
        Handover{' '}
        <span className="role numbers">
          {formatCount(router.done)} done{router.failed > 0 && `, ${formatCount(router.failed)} failed`}
        </span>
      </h3>
      <p className="phase" data-tone={tone}>
        <ToneIcon tone={tone} />
        {router.missing_lane === null ? phases[router.phase] : `${router.missing_lane} cannot be opened`}
      </p>
      <p className="note">
        {last === undefined
          ? 'none in this run'
          : `${last.from} to ${last.to} ${last.outcome}, ${formatMs(last.took_ms)}, ${formatAge((now - last.at) / 1000)} ago`}
      </p>
    </div>
  );
}

function policyLine({ policy, policy_answer, heartbeat, router, unit, decision }: Comms, now: number): string {
  const parts = [
    policy === null
      ? policy_answer.answer === 'absent'
        ? 'control has no policy'
        : 'no policy held'
      : `policy ${policy.revision}, ${formatAge((now - policy.issued_at) / 1000)} old`,
    ...(policy_answer.error === null ? [] : [`not renewed: ${policy_answer.error}`]),
    decision.writes === 'spacetime'
      ? 'writes go to spacetime'
      : `nothing is written to spacetime, ${formatCount(router.refused_writes)} refused`,
    heartbeat.at === null ? 'control takes no heartbeat' : `heartbeat ${formatAge((now - heartbeat.at) / 1000)} ago`,
    unit,
  ];
  return parts.join(' · ');
}
