import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatTime, shortHash, unknown } from '../format.ts';

/** What the connection agreed on, and who this process is. */
export function ConnectionFacts({ state }: { readonly state: DesktopStateJson }) {
  const { connection, boot } = state;
  return (
    <section className="panel" aria-labelledby="connection-title">
      <h2 id="connection-title">Connection</h2>
      <dl className="facts">
        <dt>Server</dt>
        <dd>{connection.uri ?? unknown}</dd>
        <dt>Database</dt>
        <dd>{connection.database ?? unknown}</dd>
        <dt>Protocol</dt>
        <dd>{connection.protocol ?? unknown}</dd>
        <dt>Identity</dt>
        <dd title={connection.identity ?? undefined}>
          {connection.identity === null ? unknown : <code>{shortHash(connection.identity)}</code>}
        </dd>
        <dt>Failed tries</dt>
        <dd className="numbers">{connection.attempts}</dd>
        <dt>Process</dt>
        <dd className="numbers">
          {boot.pid} since {formatTime(boot.started_at)}
        </dd>
        <dt>Build</dt>
        <dd>{boot.build}</dd>
      </dl>
    </section>
  );
}
