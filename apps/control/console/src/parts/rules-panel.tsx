import { formatOf } from '../format.ts';
import { mostUnits, type Snapshot } from '../live/use-console.ts';
import { Panel } from './common.tsx';

/** The rules that can decide now, and how many live units each decides for. */
export function RulesPanel({ snapshot: { facts, status, units } }: { readonly snapshot: Snapshot }) {
  const inForce = facts.rules.filter((rule) => rule.stage === status.state.stage || rule.stage === null);
  const live = units.filter((unit) => !unit.silent);
  return (
    <Panel
      id="rules"
      title={`Rules in force in Stage ${status.state.stage}`}
      note={status.units.total > mostUnits ? `counted over the ${mostUnits} units last heard of` : undefined}
    >
      <ul className="rules">
        {inForce.map((rule) => {
          const count = live.filter((unit) => unit.heartbeat.rule === rule.id).length;
          return (
            <li key={rule.id}>
              <code className="rule-id">{rule.id}</code>
              <span>{rule.text}</span>
              <span className={count === 0 ? 'quiet numbers' : 'numbers'}>{formatOf(count, 'live unit')}</span>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
