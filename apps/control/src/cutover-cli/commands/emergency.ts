import { gateIds } from '@autopilot/cutover-flags';
import type { CommandSpec } from '../command.ts';
import { readHeader, type Sent, sendCommand } from '../control/send-command.ts';
import { usage } from '../line/args.ts';
import { ahead } from '../line/when.ts';
import { counted, isoTime } from '../view/amounts.ts';
import { changed } from './changed.ts';

/** `cutover fallback` */
export const fallback: CommandSpec = {
  name: 'fallback',
  summary: 'Stage 2: back to khala for some or all units at once, for a time. Needs no approval.',
  usage: [
    'fallback --incident ID --reason TEXT --expires T [--units A,B] [--operator NAME]',
    'fallback --end --reason TEXT',
  ],
  options: {
    incident: { value: 'ID', text: 'What it is for.' },
    expires: { value: 'T', text: 'When it ends by itself, as 2h or 2026-11-22T18:00:00Z.' },
    units: { value: 'A,B', text: 'Only these units; default all.' },
    operator: { value: 'NAME', text: 'Who answers for it; default the client.' },
    end: { text: 'Ends it.' },
  },
  arguments: [0, 0],
  changes: true,
  read: (args) => {
    const header = readHeader(args);
    const reason = header.reason ?? '';
    if (args.flag('end')) {
      args.refuse(['incident', 'expires', 'units', 'operator'], 'with --end');
      return async (call) =>
        changed(
          await sendCommand(call, header, () => ({ method: 'DELETE', path: 'fallback', body: {}, reason })),
          'The fallback is over. Its emergency has to be cleared by somebody else.',
        );
    }
    const incident = args.required('incident');
    const expires = args.requiredWhen('expires');
    const units = args.list('units') ?? 'all';
    const operator = args.text('operator');
    return async (call) => {
      let until = 0;
      const sent = await sendCommand(call, header, ({ now }) => {
        until = ahead(expires, now);
        const body = { incident, expires_at: until, units, ...(operator === undefined ? {} : { operator }) };
        return { path: 'fallback', body, reason, settled: { expires: isoTime(until) } };
      });
      const whom = units === 'all' ? 'All units' : counted(units.length, 'unit');
      return changed(sent, `${whom} on khala until ${isoTime(until)}.`, (page) => {
        page.heading('Next steps');
        page.list([
          'When the incident is over: cutover fallback --end --reason TEXT',
          `Then somebody else: cutover force --clear ${waiverOf(sent)} --reason TEXT`,
        ]);
      });
    };
  },
};

/** `cutover waive` */
export const waive: CommandSpec = {
  name: 'waive',
  summary: 'Lets somebody answer for a gate until a time, or ends that.',
  usage: ['waive --gate GATE --owner NAME --expires T --reason TEXT', 'waive --end ID --reason TEXT'],
  options: {
    gate: { value: 'GATE', text: 'Which gate; those on traffic and removal cannot be waived.' },
    owner: { value: 'NAME', text: 'Who answers for it.' },
    expires: { value: 'T', text: 'When it ends by itself.' },
    end: { value: 'ID', text: 'Ends the waiver with this id.' },
  },
  arguments: [0, 0],
  changes: true,
  read: (args) => {
    const header = readHeader(args);
    const reason = header.reason ?? '';
    const end = args.text('end');
    if (end !== undefined) {
      args.refuse(['gate', 'owner', 'expires'], 'with --end');
      const path = `waivers/${encodeURIComponent(end)}`;
      return async (call) =>
        changed(
          await sendCommand(call, header, () => ({ method: 'DELETE', path, body: {}, reason })),
          `Waiver ${end} is over.`,
        );
    }
    const gate = gateIds.find((each) => each === args.required('gate'));
    if (gate === undefined) throw usage(`--gate "${args.text('gate')}" is not one of ${gateIds.join(', ')}.`);
    const owner = args.required('owner');
    const expires = args.requiredWhen('expires');
    return async (call) => {
      const sent = await sendCommand(call, header, ({ now }) => {
        const expires_at = ahead(expires, now);
        return {
          path: 'waivers',
          body: { gate, owner, expires_at },
          reason,
          settled: { expires: isoTime(expires_at) },
        };
      });
      return changed(sent, `${owner} answers for the gate ${gate}.`);
    };
  },
};

/** `cutover force` */
export const force: CommandSpec = {
  name: 'force',
  summary: 'Emergency: one stage forward without plan and approvals, never to 3; or clears an emergency.',
  usage: [
    'force --to 1|2 --incident ID --expires T --reason TEXT [--operator NAME] [--drain]',
    'force --clear ID --reason TEXT',
  ],
  options: {
    to: { value: 'STAGE', text: 'The next stage: 1 or 2.' },
    incident: { value: 'ID', text: 'What it is for.' },
    expires: { value: 'T', text: 'By when somebody else has to have cleared it.' },
    operator: { value: 'NAME', text: 'Who answers for it; default the client.' },
    drain: { text: 'Units change lanes at once.' },
    clear: { value: 'ID', text: 'Somebody else has looked at what this emergency skipped.' },
  },
  arguments: [0, 0],
  changes: true,
  read: (args) => {
    const header = readHeader(args);
    const reason = header.reason ?? '';
    const clear = args.text('clear');
    if (clear !== undefined) {
      args.refuse(['to', 'incident', 'expires', 'operator', 'drain'], 'with --clear');
      const path = `emergencies/${encodeURIComponent(clear)}/clear`;
      return async (call) =>
        changed(await sendCommand(call, header, () => ({ path, body: {}, reason })), `Emergency ${clear} is cleared.`);
    }
    const to = args.stage('to');
    if (to !== 1 && to !== 2) throw usage('--to has to be 1 or 2: nothing else can be forced.');
    const incident = args.required('incident');
    const expires = args.requiredWhen('expires');
    const operator = args.text('operator');
    return async (call) => {
      const sent = await sendCommand(call, header, ({ now }) => {
        const expires_at = ahead(expires, now);
        const body = {
          to,
          incident,
          expires_at,
          drain: args.flag('drain'),
          ...(operator === undefined ? {} : { operator }),
        };
        return { path: 'force', body, reason, settled: { expires: isoTime(expires_at) } };
      });
      return changed(sent, `Forced to Stage ${to}.`, (page) => {
        page.heading('Next steps');
        page.list([`Somebody else looks at what was skipped: cutover force --clear ${waiverOf(sent)} --reason TEXT`]);
      });
    };
  },
};

/** `cutover release` */
export const release: CommandSpec = {
  name: 'release',
  summary: 'Releases a hold, or counts a release that has passed in Stage 2.',
  usage: ['release --hold TRIGGER --reason TEXT', 'release --cycle NAME --reason TEXT'],
  options: {
    hold: { value: 'TRIGGER', text: 'The trigger that holds the cutover.' },
    cycle: { value: 'NAME', text: 'The release that has been in use.' },
  },
  arguments: [0, 0],
  changes: true,
  read: (args) => {
    const kind = args.oneOf('hold', 'cycle');
    const name = args.required(kind);
    const header = readHeader(args);
    const reason = header.reason ?? '';
    return async (call) => {
      const path = kind === 'hold' ? `holds/${encodeURIComponent(name)}/release` : 'releases';
      const body = kind === 'hold' ? {} : { release: name };
      const sent = await sendCommand(call, header, () => ({ path, body, reason }));
      const { at_zero } = sent.state.release_cycles;
      return changed(
        sent,
        kind === 'hold'
          ? `The hold of ${name} is released.`
          : `${counted(at_zero, 'release')} in a row without a fallback.`,
      );
    };
  },
};

/** The id under which an emergency is cleared. */
function waiverOf({ events }: Sent): string {
  const id = events.map(({ data }) => data.waiver).find((waiver) => typeof waiver === 'string');
  return id ?? 'ID';
}
