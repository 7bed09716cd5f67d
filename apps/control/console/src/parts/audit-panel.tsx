import type { AuditRecord } from '@autopilot/cutover-flags';
import { useState } from 'react';
import type { AuditPage } from '../api-types.ts';
import { call } from '../api.ts';
import { formatCount, formatOf, formatSpan, humanise, inWords } from '../format.ts';
import type { Snapshot } from '../live/use-console.ts';
import { Ago, Digest, Empty, Panel } from './common.tsx';
import { Badge } from './icon.tsx';

const page = 60;

/** Who did what, newest first, and whether the chain of the records holds. */
export function AuditPanel(props: { readonly snapshot: Snapshot; readonly now: number; readonly ticking: number }) {
  const { snapshot, now, ticking } = props;
  const [older, setOlder] = useState<readonly AuditRecord[]>([]);
  const [said, setSaid] = useState<string | null>(null);
  const recent = snapshot.audit.records;
  const oldest = (older[0] ?? recent[0])?.seq ?? 1;
  // Records between what was loaded before and what is recent now would be missing from the list.
  const joined = older.filter((record) => record.seq < (recent[0]?.seq ?? 0));
  const gap = joined.length > 0 && (joined.at(-1)?.seq ?? 0) + 1 < (recent[0]?.seq ?? 0);
  const records = [...(gap ? [] : joined), ...recent].reverse();

  async function load() {
    const after = Math.max(0, (gap ? (recent[0]?.seq ?? 1) : oldest) - 1 - page);
    const until = gap ? (recent[0]?.seq ?? 1) : oldest;
    const answer = await call<AuditPage>('GET', `/v1/cutover/audit?after=${after}&limit=${page}`);
    if (answer.kind !== 'done') return setSaid('Control did not answer.');
    const found = answer.body.records.filter((record) => record.seq < until);
    setOlder(gap ? found : [...found, ...joined]);
    setSaid(null);
  }

  async function save() {
    const answer = await call<string>('GET', '/v1/cutover/audit/export');
    if (answer.kind !== 'done') return setSaid('Control did not answer.');
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([answer.body], { type: 'application/x-ndjson' }));
    link.download = 'cutover-audit.ndjson';
    link.click();
    URL.revokeObjectURL(link.href);
  }

  return (
    <Panel
      id="audit"
      title="Audit"
      note={<Chain snapshot={snapshot} ticking={ticking} />}
      side={
        <button type="button" className="button plain" onClick={save}>
          Export all
        </button>
      }
    >
      {records.length === 0 && <Empty>Nothing has been done yet.</Empty>}
      <ol className="audit">
        {records.map((record) => (
          <Entry key={record.seq} record={record} now={now} />
        ))}
      </ol>
      {said !== null && <p role="alert">{said}</p>}
      {(records.at(-1)?.seq ?? 1) > 1 && (
        <button type="button" className="button plain" onClick={load}>
          Show older ones
        </button>
      )}
    </Panel>
  );
}

function Chain({ snapshot, ticking }: { readonly snapshot: Snapshot; readonly ticking: number }) {
  const { check, status } = snapshot;
  if (check === null) return <Badge tone="warn">chain not verified</Badge>;
  if (!check.ok) {
    return (
      <>
        <Badge tone="bad">chain broken</Badge> {check.reason ?? 'No reason was given.'}
      </>
    );
  }
  if (check.records === 0) return 'no record to verify';
  return (
    <>
      <Badge tone="good">chain verified</Badge> {formatOf(check.records, 'record')},{' '}
      {formatSpan(Math.max(0, ticking - check.at))} ago; head <Digest of={status.audit.hash} />
    </>
  );
}

function Entry({ record, now }: { readonly record: AuditRecord; readonly now: number }) {
  const { actor, event, from, to, reason, data, evidence, revision, seq, hash } = record;
  return (
    <li>
      <span className="when">
        <Ago at={record.at} now={now} />
      </span>
      <div>
        <p>
          <strong>{actor}</strong> {inWords(event)}
          {from.stage !== to.stage && (
            <span className="move">
              Stage {from.stage} → {to.stage}
            </span>
          )}
          {from.percent !== to.percent && (
            <span className="move">
              {from.percent} % → {to.percent} %
            </span>
          )}
        </p>
        {reason !== '' && <p className="quiet">{humanise(reason)}</p>}
        <details>
          <summary>
            record {formatCount(seq)}, revision {formatCount(revision)}
          </summary>
          <dl className="facts small">
            <dt>hash</dt>
            <dd>
              <code>{hash}</code>
            </dd>
            {evidence.length > 0 && (
              <>
                <dt>evidence</dt>
                <dd>
                  {evidence.map((digest) => (
                    <div key={digest}>
                      <Digest of={digest} />
                    </div>
                  ))}
                </dd>
              </>
            )}
            <dt>data</dt>
            <dd>
              <code>{JSON.stringify(data)}</code>
            </dd>
          </dl>
        </details>
      </div>
    </li>
  );
}
