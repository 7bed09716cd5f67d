import type { CohortEntry } from '@autopilot/cutover-flags';
import { ActionButton } from '../actions/action-button.tsx';
import { delistAction, type ListName, listAction } from '../actions/list-actions.tsx';
import { cohortAction } from '../actions/other-actions.tsx';
import { formatCount, formatOf, formatShare, formatSpan } from '../format.ts';
import { mostUnits, type Snapshot } from '../live/use-console.ts';
import type { Tone } from '../tones.ts';
import { Ago, Panel } from './common.tsx';
import { Badge } from './icon.tsx';

const ratioTones: Readonly<Record<string, Tone>> = { pass: 'good', fail: 'bad', inconclusive: 'warn' };

/** The share of Stage 1: what is set, what is seen, and the step after it. */
export function CohortPanel({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }) {
  const { status, facts } = snapshot;
  const { cohort, cohort_since, stage } = status.state;
  const { steps, soak_ms } = facts.config.cohort;
  const next = steps.find((step) => step > cohort.percent);
  const ratio = status.sample_ratio;
  if (stage !== 1) {
    return (
      <Panel id="cohort" title="Cohort" note="acts in Stage 1 only">
        <p className="empty">
          {stage === 0 ? 'It begins with a share of 0 % when Stage 1 is entered.' : 'In this stage no share decides.'}
        </p>
      </Panel>
    );
  }
  const soaked = now - cohort_since;
  return (
    <Panel
      id="cohort"
      title="Cohort"
      side={
        next !== undefined && (
          <ActionButton
            action={cohortAction(next)}
            label={`Enlarge to ${next} % …`}
            blocked={status.state.status === 'idle' ? null : 'A request is under way.'}
          />
        )
      }
    >
      <ol className="steps" aria-label="Steps of the share">
        {steps.map((step) => (
          <li key={step} data-reached={step <= cohort.percent} aria-current={step === cohort.percent}>
            {step} %
          </li>
        ))}
      </ol>
      <Share snapshot={snapshot} />
      <dl className="facts">
        <dt>Sample ratio</dt>
        <dd>
          {ratio === null ? (
            <span className="quiet">not tested: a share of {cohort.percent} % leaves nothing to test</span>
          ) : (
            <>
              <Badge tone={ratioTones[ratio.verdict] ?? 'warn'}>{ratio.verdict}</Badge>{' '}
              {ratio.p === null ? '' : `p = ${ratio.p.toPrecision(2)} of ${formatOf(ratio.samples, 'unit')}. `}
              {ratio.reason}
            </>
          )}
        </dd>
        <dt>Soak</dt>
        <dd>
          {formatSpan(soaked)} of {formatSpan(soak_ms)} at {cohort.percent} %
        </dd>
        <dt>Cap</dt>
        <dd>{cohort.cap === null ? 'none' : formatOf(cohort.cap, 'unit')}</dd>
        <Entries name="Include" list="include" entries={cohort.include} now={now} />
        <Entries name="Exclude" list="exclude" entries={cohort.exclude} now={now} />
      </dl>
      <div className="buttons">
        <ActionButton action={listAction} label="Put units on a list …" />
      </div>
    </Panel>
  );
}

/** Configured against observed, over the units that the share decides. */
function Share({ snapshot: { units, status } }: { readonly snapshot: Snapshot }) {
  const { cohort } = status.state;
  const listed = new Set([...cohort.include, ...cohort.exclude].map((entry) => entry.unit));
  const rules = units.filter((each) => !each.silent && !listed.has(each.unit)).map((each) => each.heartbeat.rule);
  const inside = rules.filter((rule) => rule === 'S1.3' || rule === 'S1.5').length;
  const counted = inside + rules.filter((rule) => rule === 'S1.2').length;
  const observed = counted === 0 ? null : inside / counted;
  return (
    <div className="share">
      <p>
        Configured <strong>{cohort.percent} %</strong>, observed <strong>{formatShare(observed)}</strong>{' '}
        <span className="quiet">
          ({formatCount(inside)} of {formatOf(counted, 'live unit')} that the share decides
          {status.units.total > mostUnits && `, of the ${mostUnits} last heard of`})
        </span>
      </p>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="8" className="ground" />
        <rect width={(observed ?? 0) * 100} height="8" className="observed" />
        <rect x={Math.min(99.4, cohort.percent)} width="0.6" height="8" className="configured" />
      </svg>
    </div>
  );
}

function Entries(props: {
  readonly name: string;
  readonly list: ListName;
  readonly entries: readonly CohortEntry[];
  readonly now: number;
}) {
  return (
    <>
      <dt>{props.name}</dt>
      <dd>
        {props.entries.length === 0
          ? 'none'
          : props.entries.map((entry) => (
              <div key={entry.unit} className="with-action">
                <span>
                  <strong>{entry.unit}</strong>, {entry.until > props.now ? 'ends' : 'ended'}{' '}
                  <Ago at={entry.until} now={props.now} />: {entry.reason}
                </span>
                <ActionButton action={delistAction(props.list, entry)} label="Take off …" />
              </div>
            ))}
      </dd>
    </>
  );
}
