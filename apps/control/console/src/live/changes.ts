import type { Snapshot } from './use-console.ts';
import { inWords } from '../format.ts';

/** What happened between two snapshots, newest last; sentences for a person. */
export function changesBetween(before: Snapshot, after: Snapshot): readonly string[] {
  const since = before.status.audit.seq;
  const records = after.audit.records.filter((record) => record.seq > since);
  const told = records.map(({ actor, event, reason, from, to }) => {
    const stage = from.stage === to.stage ? '' : ` (Stage ${from.stage} to ${to.stage})`;
    const share = from.percent === to.percent ? '' : ` (${from.percent} % to ${to.percent} %)`;
    return `${actor}: ${inWords(event)}${stage}${share}. ${reason}`;
  });
  const missed = after.status.audit.seq - since - records.length;
  if (missed > 0) told.unshift(`${missed} earlier changes, which the audit log has.`);
  if (told.length === 0 && before.status.state.revision !== after.status.state.revision) {
    told.push('Control noted something by itself; the audit log has no record of it.');
  }
  return told;
}
