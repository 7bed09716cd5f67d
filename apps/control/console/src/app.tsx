import type { ComparisonPair } from '@autopilot/cutover-flags/parity';
import { useEffect, useMemo, useState } from 'react';
import { ActionDialog } from './actions/action-dialog.tsx';
import { type Action, type Actions, ActionsContext } from './actions/action.ts';
import type { CommandAnswer } from './actions/send.ts';
import { call } from './api.ts';
import { formatAbsolute, formatSpan } from './format.ts';
import { useConsole, useTicking } from './live/use-console.ts';
import { AuditPanel } from './parts/audit-panel.tsx';
import { BridgePanel } from './parts/bridge-panel.tsx';
import { CohortPanel } from './parts/cohort-panel.tsx';
import { FlipCard } from './parts/flip-card.tsx';
import { GatesTable } from './parts/gates-table.tsx';
import { HeaderBar } from './parts/header-bar.tsx';
import { LagPanel } from './parts/lag-panel.tsx';
import { Notices } from './parts/notices.tsx';
import { ParityPanel } from './parts/parity-panel.tsx';
import { PlanPanel } from './parts/plan-panel.tsx';
import { RulesPanel } from './parts/rules-panel.tsx';
import { SafetyPanel } from './parts/safety-panel.tsx';
import { SignIn } from './parts/sign-in.tsx';
import { StageTrack } from './parts/stage-track.tsx';

/** How long the word of what was done stays in sight. */
const toldMs = 8_000;

/** The release manager's console. */
export function App() {
  const [pair, choosePair] = useState<ComparisonPair>('khala/spacetime');
  const { link, who, snapshot, ended, refresh } = useConsole(pair);
  const ticking = useTicking(500);
  const [action, setAction] = useState<Action | null>(null);
  const [told, setTold] = useState('');
  const lost = link === 'lost';
  useEffect(() => {
    const timer = setTimeout(() => setTold(''), toldMs);
    return () => clearTimeout(timer);
  }, [told]);
  const scopes = who?.scopes.join(' ') ?? '';
  const me = who?.client_id ?? '';
  const actions = useMemo<Actions>(
    () => ({ open: setAction, may: (scope) => scopes.split(' ').includes(scope), me, lost }),
    [scopes, me, lost],
  );

  if (link === 'signed-out') return <SignIn ended={ended} signedIn={() => void refresh()} />;
  if (snapshot === null) {
    return (
      <main className="opening" id="content" tabIndex={-1}>
        {lost ? <Lost asOf={null} age={0} /> : <p className="quiet">Reading the cutover …</p>}
      </main>
    );
  }
  const age = Math.max(0, ticking - snapshot.receivedAt);
  // Ages run on between two rounds, but never beyond what control has said: without it they stand still.
  const now = snapshot.status.now + (lost ? 0 : age * snapshot.status.clock_rate);

  async function signOut() {
    await call('DELETE', '/console/session');
    await refresh();
  }

  return (
    <ActionsContext value={actions}>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <HeaderBar snapshot={snapshot} who={who} lost={lost} age={age} signOut={() => void signOut()} />
      <main className="page" id="content" tabIndex={-1} data-lost={lost}>
        {lost && <Lost asOf={snapshot.status.now} age={age} />}
        <div className="content">
          <Notices snapshot={snapshot} now={now} />
          <StageTrack snapshot={snapshot} now={now} />
          <div className="columns">
            <PlanPanel snapshot={snapshot} />
            <div className="side">
              <FlipCard snapshot={snapshot} now={now} />
              <CohortPanel snapshot={snapshot} now={now} />
              <SafetyPanel snapshot={snapshot} now={now} />
            </div>
          </div>
          <GatesTable snapshot={snapshot} now={now} />
          <ParityPanel snapshot={snapshot} pair={pair} choose={choosePair} />
          <LagPanel snapshot={snapshot} />
          <RulesPanel snapshot={snapshot} />
          <BridgePanel bridge={snapshot.bridge} now={snapshot.lag.now + (lost ? 0 : age)} />
          <AuditPanel snapshot={snapshot} now={now} ticking={lost ? snapshot.receivedAt : ticking} />
        </div>
      </main>
      <p className="told" role="status">
        {told}
      </p>
      {action !== null && (
        <ActionDialog
          key={action.key}
          action={action}
          snapshot={snapshot}
          lost={lost}
          refresh={refresh}
          done={(answer) => {
            setAction(null);
            setTold(doneWords(action, answer));
          }}
          close={() => setAction(null)}
        />
      )}
    </ActionsContext>
  );
}

function doneWords(action: Action, answer: CommandAnswer): string {
  if (answer.verdict !== undefined) return `${action.title}: ${answer.verdict}. ${answer.reason ?? ''}`;
  const again = answer.replayed === true ? ' It had been done before.' : '';
  return `${action.title}: done, revision ${answer.revision}.${again}`;
}

function Lost({ asOf, age }: { readonly asOf: number | null; readonly age: number }) {
  return (
    <div className="notice lost" data-tone="bad" role="alert">
      <p>
        <strong>Control does not answer.</strong>{' '}
        {asOf === null
          ? 'Nothing is known of the cutover.'
          : `Everything below is old: it was read ${formatSpan(age)} ago, and may not hold any more.`}{' '}
        This page keeps trying.
        {asOf !== null && <span className="quiet"> Cutover clock then: {formatAbsolute(asOf)}.</span>}
      </p>
    </div>
  );
}
