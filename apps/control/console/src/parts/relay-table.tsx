import type { BridgeWord } from '../bridge-types.ts';
import { formatCount, humanise, inWords } from '../format.ts';
import { type RelayFacts, relayFacts } from '../live/bridge-facts.ts';
import { Empty } from './common.tsx';
import { Badge } from './icon.tsx';

/** The relays of the settings: connection, breaker, last loss, and what became of the events for each. */
export function RelayTable({ word, present }: { readonly word: BridgeWord; readonly present: boolean }) {
  const rows = relayFacts(word.relays, word, present);
  if (rows.length === 0) return <Empty>It names no relay.</Empty>;
  return (
    <table className="relays stacked">
      <thead>
        <tr>
          <th scope="col">Relay</th>
          <th scope="col">Connection</th>
          <th scope="col">Last loss</th>
          <th scope="col">Accepted</th>
          <th scope="col">Rejected</th>
          <th scope="col">Pending</th>
          <th scope="col">Dead</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.relay.url} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row }: { readonly row: RelayFacts }) {
  const { relay, word, tone, accepted, rejected, pending, dead } = row;
  const loss = relay.lastLoss;
  return (
    <tr>
      <th scope="row">{relay.url}</th>
      <td>
        <Badge tone={tone}>{word}</Badge>
        <small>breaker {inWords(relay.breaker)}</small>
      </td>
      <td data-label="Last loss">
        {loss === undefined ? (
          <span className="quiet">none</span>
        ) : (
          <>
            {inWords(loss.reason)}
            {loss.detail !== '' && <small>{humanise(loss.detail)}</small>}
          </>
        )}
      </td>
      <Count name="Accepted" value={accepted} />
      <Count name="Rejected" value={rejected} />
      <Count name="Pending" value={pending} />
      <Count name="Dead" value={dead} />
    </tr>
  );
}

function Count({ name, value }: { readonly name: string; readonly value: number }) {
  return (
    <td className="numbers" data-label={name}>
      {formatCount(value)}
    </td>
  );
}
