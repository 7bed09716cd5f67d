import type { Call, CommandSpec, Outcome } from '../command.ts';
import type { PlanAnswer, PublicState, StateAnswer } from '../control/answers.ts';
import { readHeader, type Sent, sendCommand } from '../control/send-command.ts';
import { CliError } from '../errors.ts';
import { usage } from '../line/args.ts';
import { shortDigest } from '../view/amounts.ts';
import { showRequirement, targetText } from '../view/plan-view.ts';
import { changed } from './changed.ts';

/** `cutover request` */
export const request: CommandSpec = {
  name: 'request',
  summary: 'Asks for a flip; others approve it.',
  usage: ['request --to 1|2|3|sealed --reason TEXT'],
  options: { to: { value: 'STAGE', text: 'The next stage, or "sealed" in Stage 3.' } },
  arguments: [0, 0],
  changes: true,
  read: (args) => {
    const to = args.target('to');
    if (to === undefined) throw usage('--to is missing: 1, 2, 3 or sealed.');
    const header = readHeader(args);
    return async (call) => {
      const sent = await sendCommand(call, header, () => ({
        path: 'requests',
        body: { to },
        reason: header.reason ?? '',
      }));
      return changed(sent, `Asked for ${targetText(to)}.`, (page) => {
        page.heading('Next steps');
        page.list([`Let somebody else look at it and approve it: cutover approve ${sent.id}`]);
      });
    };
  },
};

/** `cutover approve` */
export const approve: CommandSpec = {
  name: 'approve',
  summary: 'Approves the plan of a request, as somebody else than its requester.',
  usage: ['approve ID [--digest DIGEST]'],
  options: {
    digest: { value: 'DIGEST', text: 'Only the plan with this digest; default the one that the request names now.' },
  },
  arguments: [1, 1],
  changes: true,
  read: (args) => {
    const id = args.argument(0, 'The id of the request');
    const digest = args.text('digest');
    const header = readHeader(args, true);
    return async (call) => {
      let plan: PlanAnswer['plan'] | undefined;
      const sent = await sendCommand(call, header, async ({ state }) => {
        const flip = state.flip?.id === id ? state.flip : null;
        if (flip !== null) {
          plan = (await call.control().send<PlanAnswer>('POST', 'plan', { to: flip.to })).plan;
        }
        // Without a flip control says that there is no such request, or knows the key.
        const plan_digest = digest ?? flip?.plan_digest ?? 'none';
        call.note(`Approving plan ${plan_digest}`);
        const reason = header.reason ?? `Approves plan ${plan_digest}`;
        const path = `requests/${encodeURIComponent(id)}/approvals`;
        return { path, body: { plan_digest }, reason, settled: { digest: plan_digest } };
      });
      return changed(sent, `Approved ${id}.`, (page) => {
        if (plan !== undefined && !sent.replayed) {
          page.heading(`What was approved: ${targetText(plan.to)}, plan ${shortDigest(plan.digest)}`);
          for (const requirement of plan.requirements) showRequirement(page, { ...requirement, wanted: {} });
        }
        page.heading('Next steps');
        page.list([
          sent.state.status === 'approved'
            ? `It has its approvals: cutover advance ${id}`
            : `More approvals are needed: cutover approve ${id}`,
        ]);
      });
    };
  },
};

/** `cutover withdraw` */
export const withdraw: CommandSpec = {
  name: 'withdraw',
  summary: 'Takes a request back.',
  usage: ['withdraw ID --reason TEXT'],
  options: {},
  arguments: [1, 1],
  changes: true,
  read: (args) => {
    const id = args.argument(0, 'The id of the request');
    const header = readHeader(args);
    return async (call) => {
      const path = `requests/${encodeURIComponent(id)}/withdraw`;
      return changed(
        await sendCommand(call, header, () => ({ path, body: {}, reason: header.reason ?? '' })),
        `Withdrew ${id}.`,
      );
    };
  },
};

/** `cutover advance` */
export const advance: CommandSpec = {
  name: 'advance',
  summary: 'Publishes the policy of an approved request, or seals.',
  usage: ['advance ID [--drain] [--wait]'],
  options: {
    drain: { text: 'Units change lanes at once; otherwise a session keeps the lane it began with.' },
    wait: { text: 'Stays until the units have acknowledged it, or it was undone.' },
  },
  arguments: [1, 1],
  changes: true,
  read: (args) => {
    const id = args.argument(0, 'The id of the request');
    const header = readHeader(args, true);
    const body = args.flag('drain') ? { drain: true } : {};
    return async (call) => {
      const sent = await sendCommand(call, header, ({ state }) => {
        const reason = header.reason ?? `Carries out ${id}: ${state.flip?.reason ?? 'as approved'}`;
        return {
          path: `requests/${encodeURIComponent(id)}/advance`,
          body,
          reason: reason.slice(0, 500),
          settled: { reason },
        };
      });
      const outcome = args.flag('wait') ? await untilSettled(call, id, sent) : published(sent, id);
      return outcome;
    };
  },
};

function published(sent: Sent, id: string): Outcome {
  const { state } = sent;
  if (state.sealed) return changed(sent, 'Stage 3 is sealed.');
  return changed(sent, `Published Stage ${state.stage} (${state.stage_name}).`, (page) => {
    page.heading('Next steps');
    page.list([`Units acknowledge it until the deadline, or ${id} is undone: cutover status`]);
  });
}

/** Reads the state until the flip is over. */
async function untilSettled(call: Call, id: string, sent: Sent): Promise<Outcome> {
  let state: PublicState = sent.state;
  while (state.status === 'flipping' && state.flip?.id === id) {
    const { acknowledged = null, expected = null } = state.flip.publication ?? {};
    call.progress.say(`Flipping: ${acknowledged ?? 0} of ${expected ?? '?'} units have acknowledged the policy`);
    await call.io.wait(500);
    ({ state } = await call.control().get<StateAnswer>('state'));
  }
  call.progress.end();
  const last = state.last_flip;
  if (last?.id !== id) return published(sent, id);
  if (last.outcome !== 'done') {
    throw new CliError('flip_not_done', `${id} was not done but ${last.outcome}: ${last.reason}`, {
      details: { ...last },
    });
  }
  return changed(
    { ...sent, state },
    state.sealed ? 'Stage 3 is sealed.' : `Stage ${state.stage} (${state.stage_name}) is in force.`,
  );
}
