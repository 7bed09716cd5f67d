import type { ComparisonPair } from '@autopilot/cutover-flags/parity';
import type { Parity } from '../api-types.ts';
import { formatAbsolute, formatOf, inWords } from '../format.ts';

const shown = 20;

/** Differences that were kept, newest first, each as a diff that can be read. */
export function SampleList(props: { readonly samples: Parity['samples']; readonly pair: ComparisonPair }) {
  const samples = [...props.samples].reverse().slice(0, shown);
  if (samples.length === 0) return <p className="quiet">No difference was kept as a sample.</p>;
  return (
    <div className="samples">
      <h3>
        Samples <span className="quiet">{formatOf(props.samples.length, 'difference')} kept, newest first</span>
      </h3>
      {samples.map((sample, index) => (
        <Sample key={`${sample.stream_id} ${sample.seq} ${sample.at} ${index}`} sample={sample} pair={props.pair} />
      ))}
    </div>
  );
}

function Sample({ sample, pair }: { readonly sample: Parity['samples'][number]; readonly pair: ComparisonPair }) {
  const [left = 'left', right = 'right'] = pair.split('/');
  const side = sample.side === 'left' ? left : sample.side === 'right' ? right : null;
  return (
    <details className="sample">
      <summary>
        <i data-result={sample.result} aria-hidden="true" />
        <strong>{inWords(sample.result ?? 'no result named')}</strong> {sample.stream_id ?? 'a stream'} at{' '}
        {sample.seq ?? 'an unknown position'}
        {side !== null && <span className="quiet"> on {side}</span>}
        {sample.fields !== undefined && sample.fields.length > 0 && (
          <span className="quiet"> differs in {sample.fields.map(inWords).join(', ')}</span>
        )}
      </summary>
      <dl className="facts small">
        <dt>when</dt>
        <dd>{sample.at === undefined ? 'not told' : formatAbsolute(sample.at)}</dd>
        <dt>{left}</dt>
        <dd>{eventWords(sample.left)}</dd>
        <dt>{right}</dt>
        <dd>{eventWords(sample.right)}</dd>
      </dl>
      {sample.diff !== undefined && sample.diff.length > 0 && (
        <table className="diff">
          <thead>
            <tr>
              <th scope="col">Path</th>
              <th scope="col">{left}</th>
              <th scope="col">{right}</th>
            </tr>
          </thead>
          <tbody>
            {sample.diff.map((line) => (
              <tr key={line.path}>
                <th scope="row">
                  <code>{line.path === '' ? '(the whole payload)' : line.path}</code>
                </th>
                <td>{line.left === undefined ? <em className="quiet">absent</em> : <del>{line.left}</del>}</td>
                <td>{line.right === undefined ? <em className="quiet">absent</em> : <ins>{line.right}</ins>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {sample.diff_cut === true && <p className="quiet">Only the beginning of the difference was kept.</p>}
    </details>
  );
}

function eventWords(event: Parity['samples'][number]['left']): string {
  return event === null || event === undefined ? 'no event' : `${event.kind}, key ${event.idempotency_key}`;
}
