import { useLiveState, useTicking } from './live-state.ts';
import { ActivityChart } from './parts/activity-chart.tsx';
import { AlarmList } from './parts/alarm-list.tsx';
import { BridgePanel } from './parts/bridge-panel.tsx';
import { CommsPanel } from './parts/comms-panel.tsx';
import { ConnectionFacts } from './parts/connection-facts.tsx';
import { CoreNotice } from './parts/core-notice.tsx';
import { FeedPanel } from './parts/feed-panel.tsx';
import { HeaderBar } from './parts/header-bar.tsx';
import { ReplayBar } from './parts/replay-bar.tsx';
import { StreamTable } from './parts/stream-table.tsx';
import { Tiles } from './parts/tiles.tsx';
import { TransitionLog } from './parts/transition-log.tsx';

/** The health page. */
export function App() {
  const { state, receivedAt, link } = useLiveState();
  const ticking = useTicking(250);
  const lost = link === 'lost' || link === 'locked';
  if (state === undefined) {
    return (
      <main className="page">
        {lost ? <CoreNotice link={link} asOf={null} ageSeconds={null} /> : <p className="quiet">Opening …</p>}
      </main>
    );
  }
  // Counters run on between two snapshots, but never beyond what the core has said: without it they stand still.
  const age = Math.max(0, ticking - receivedAt);
  const now = state.now + (lost ? 0 : age);
  return (
    <main className="page" data-lost={lost}>
      <HeaderBar state={state} now={now} lost={lost} />
      {lost && <CoreNotice link={link} asOf={state.now} ageSeconds={age / 1000} />}
      <AlarmList alarms={state.alarms} now={now} />
      <div className="content">
        <Tiles state={state} now={now} />
        <ReplayBar replay={state.replay} />
        {state.comms !== null && <CommsPanel comms={state.comms} now={now} />}
        <div className="columns">
          <div className="main-column">
            <StreamTable streams={state.streams} now={now} live={state.connection.state === 'live'} />
            <TransitionLog state={state} />
          </div>
          <aside className="side">
            <ActivityChart history={state.history} />
            <FeedPanel feed={state.feed} streams={state.streams} />
            <ConnectionFacts state={state} />
            <BridgePanel bridge={state.bridge} now={now} />
          </aside>
        </div>
      </div>
    </main>
  );
}
