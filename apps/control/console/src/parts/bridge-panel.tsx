import type { ReactNode } from 'react';
import type { BridgeAnswer, BridgeStanding, BridgeWord } from '../bridge-types.ts';
import { formatAbsolute, formatBytes, formatCount, formatOf, formatSpan, humanise, inWords } from '../format.ts';
import {
  announcedKinds,
  oldestPending,
  pendingBeside,
  pendingDeliveries,
  providerJobs,
  refusedBy,
  processWord,
} from '../live/bridge-facts.ts';
import { Ago, Empty, Panel } from './common.tsx';
import { Badge } from './icon.tsx';
import { RelayTable } from './relay-table.tsx';

/** How the bridge to Nostr stands. It is supplemental, and says so. `now` is of control's machine. */
export function BridgePanel({ bridge, now }: { readonly bridge: BridgeAnswer | null; readonly now: number }) {
  if (bridge === null || bridge.state === 'none') {
    return (
      <Panel id="bridge" title="Bridge to Nostr">
        <Empty>
          {bridge === null
            ? 'Not known: control did not say. No stage, gate or lane depends on it.'
            : 'Not configured. It is supplemental: no stage, gate or lane depends on it.'}
        </Empty>
      </Panel>
    );
  }
  const [word, tone] = processWord(bridge);
  return (
    <Panel
      id="bridge"
      title="Bridge to Nostr"
      note="Supplemental: no stage, gate or lane depends on it."
      side={<Badge tone={tone}>{word}</Badge>}
    >
      {bridge.state === 'waiting' && (
        <p>
          Its process ended, and is begun again after a pause. Why it ended:{' '}
          <q>{humanise(bridge.last_end ?? 'no reason was given')}</q>
        </p>
      )}
      {bridge.bridge === undefined || bridge.as_of === null ? (
        <Empty>It has said nothing of itself yet: {formatOf(bridge.starts, 'start')} so far.</Empty>
      ) : (
        <Word standing={bridge} word={bridge.bridge} asOf={bridge.as_of} now={now} />
      )}
    </Panel>
  );
}

function Word(props: {
  readonly standing: BridgeStanding;
  readonly word: BridgeWord;
  readonly asOf: number;
  readonly now: number;
}) {
  const { standing, word, asOf, now } = props;
  const { present, lane, memory } = standing;
  const oldest = oldestPending(word);
  const kinds = announcedKinds(standing);
  return (
    <>
      {!present && (
        <p className="last-word">
          <strong>As of its last word</strong>, <Ago at={asOf} now={now} />: what follows is not how it stands now.
        </p>
      )}
      <div className="bridge" data-past={!present}>
        <dl className="figures">
          <Figure name="Database session" value={sessionWord(standing)}>
            {sessionNote(standing)}
          </Figure>
          <Figure name="Kinds announced" value={kindsText(kinds)}>
            {kinds === null
              ? `last: ${kindsText(lane?.kinds ?? null)}`
              : kinds.length === 0
                ? 'nobody on the lane computes one'
                : null}
          </Figure>
          <Figure
            name="Oldest pending"
            value={oldest === null ? 'none waits' : formatSpan((present ? now : asOf) - oldest)}
            title={oldest === null ? undefined : formatAbsolute(oldest)}
          >
            {formatOf(pendingDeliveries(word), 'delivery', 'deliveries')} pending
          </Figure>
          <Figure name="Events" value={`${formatCount(word.standings.open)} open`}>
            {formatCount(word.standings.reached)} published, {formatCount(word.standings.missed)} missed their quorum
          </Figure>
          <Figure name="Processes started" value={formatCount(standing.starts)}>
            {standing.starts > 1 ? formatOf(standing.starts - 1, 'restart') : null}
          </Figure>
          <Figure name="Memory" value={formatBytes(memory?.heap)}>
            and {formatBytes(memory?.external)} beside the heap
          </Figure>
        </dl>
        <RelayTable word={word} present={present} />
        <dl className="facts">
          <dt>Jobs of others</dt>
          <dd>{listed(providerJobs(word).map(({ state, number }) => `${formatCount(number)} ${state}`))}</dd>
          <dt>Came in</dt>
          <dd>
            {formatCount(word.inbound.accepted)} accepted, {formatOf(word.inbound.duplicate, 'duplicate')}, refused:{' '}
            {listed(refusedBy(word).map(({ reason, number }) => `${formatCount(number)} ${inWords(reason)}`))}
            <small>{present ? 'since this process began' : 'while that process ran'}</small>
          </dd>
          <Visits word={word} present={present} />
          <dt>From the lane</dt>
          <dd>{lane === undefined ? 'not known' : `${formatOf(lane.waiting, 'event')} waiting to leave for Nostr`}</dd>
        </dl>
      </div>
    </>
  );
}

/** Relays that others named, if any was or is to be visited. */
function Visits({ word, present }: { readonly word: BridgeWord; readonly present: boolean }) {
  const { visiting, visits } = word;
  const pending = pendingBeside(word);
  if (visiting.length === 0 && pending === 0 && visits.begun === 0 && visits.expired === 0) return null;
  return (
    <>
      <dt>Visits</dt>
      <dd>
        {formatCount(visits.begun)} begun, {formatOf(visits.answered, 'delivery', 'deliveries')} answered,{' '}
        {formatCount(visits.expired)} expired, {formatCount(pending)} pending
        {visiting.length > 0 && (
          <small>
            {present ? 'now at' : 'was at'} {visiting.map(({ url }) => url).join(', ')}
          </small>
        )}
      </dd>
    </>
  );
}

/** A process that is gone has no session. One that starts may have one, and has not said so. */
function sessionWord({ state, present, lane }: BridgeStanding): string {
  if (present && lane !== undefined) return lane.session === 'live' ? 'live' : 'not live';
  return present || state === 'starting' || state === 'running' ? 'not known now' : 'none';
}

function sessionNote({ present, lane }: BridgeStanding): string | null {
  if (lane === undefined) return null;
  if (!present) return `was ${lane.session}`;
  return lane.session === 'live' ? null : (lane.last_error ?? lane.session);
}

function kindsText(kinds: readonly number[] | null): string {
  if (kinds === null) return 'not known now';
  return kinds.length === 0 ? 'none' : kinds.join(', ');
}

function listed(parts: readonly string[]): string {
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function Figure(props: {
  readonly name: string;
  readonly value: string;
  readonly title?: string | undefined;
  readonly children: ReactNode;
}) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>
        {props.title === undefined ? props.value : <span title={props.title}>{props.value}</span>}
        {props.children !== null && <small>{props.children}</small>}
      </dd>
    </div>
  );
}
