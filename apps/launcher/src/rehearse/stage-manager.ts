import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from './client.ts';
import type { Clients } from './clients.ts';
import type { Answer, ControlApi } from './control-api.ts';
import type { Across } from './crossing.ts';
import { RehearsalError } from './rehearsal-error.ts';
import type { Timeline } from './timeline.ts';

type Target = 1 | 2 | 3 | 'sealed';
type OwnGate = 'parity' | 'parity-null' | 'rollback-drill';

/** What operators and CI do, over control's API only. */
export interface StageManager {
  status(): Promise<Answer['body']>;
  /** Lets control run gates of its own, and resolves to the verdicts. */
  evaluate(gates: readonly OwnGate[]): Promise<Readonly<Record<string, string>>>;
  plan(to: Target | { percent: number }): Promise<Answer['body']>;
  /** Waits until the plan is ready, running control's gates meanwhile. */
  ready(to: Target | { percent: number }, gates: readonly OwnGate[]): Promise<void>;
  /** A request with two approvals by others. The id. */
  approved(to: Target, gates: readonly OwnGate[]): Promise<string>;
  advance(id: string, to: Target): Promise<Answer>;
  /** From plan to acknowledgement. `inFlight` runs when the flip has been published. */
  flip(to: Target, gates: readonly OwnGate[], inFlight?: () => Promise<void>): Promise<void>;
  include(units: readonly string[]): Promise<void>;
  grow(steps: readonly number[], between?: (percent: number) => Promise<void>): Promise<void>;
  rollback(target: object, reason: string): Promise<void>;
  /** Waits until every live unit has the policy in force and is where it belongs, and at least `units` are live. */
  settled(units: number): Promise<void>;
  submit(envelope: object): Promise<Answer>;
  /** Waits for a condition, never silently. */
  until(what: string, holds: () => Promise<boolean>, timeoutMs?: number): Promise<void>;
}

export interface StageManagerOptions {
  readonly api: ControlApi;
  readonly clients: Clients;
  readonly timeline: Timeline;
  readonly out: string;
  readonly signal: AbortSignal;
  readonly units: () => number;
  /** Does what changes lanes or the stage, under load. */
  readonly across: Across;
}

/** Sessions change lanes while they run: that is the way under load. */
const drain = { drain: true } as const;
const lookMs = 300;
const usualPatienceMs = 120_000;
const years = 10 * 365 * 86_400_000;

export function createStageManager(options: StageManagerOptions): StageManager {
  const { api, clients, timeline, out, signal } = options;
  const [anna, bert, cleo] = clients.operators;
  let bundles = 0;
  let changes = 0;
  /** Changes of one kind come several times: each has a number. */
  const across: Across = (name, work) => {
    changes += 1;
    return options.across(`${changes}. ${name}`, work);
  };

  async function until(what: string, holds: () => Promise<boolean>, timeoutMs = usualPatienceMs): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      signal.throwIfAborted();
      if (await holds()) return;
      if (performance.now() > deadline) throw new RehearsalError(`Not within ${timeoutMs / 1000} s: ${what}.`);
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  const get = async (route: string) => good(await api.ask(anna, 'GET', `/v1/cutover/${route}`), route).body;
  const status = () => get('status');
  const plan = async (to: unknown) => good(await api.ask(anna, 'POST', '/v1/cutover/plan', { to }), 'plan').body.plan;

  async function evaluate(gates: readonly OwnGate[]): Promise<Record<string, string>> {
    const verdicts: Record<string, string> = {};
    for (const gate of gates) {
      const answer = await api.ask(clients.ci, 'POST', `/v1/cutover/gates/${gate}/evaluate`, {});
      verdicts[gate] = answer.status === 201 ? `${answer.body.verdict}: ${answer.body.reason}` : answer.text;
    }
    return verdicts;
  }

  async function ready(to: Target | { percent: number }, gates: readonly OwnGate[]): Promise<void> {
    let why = '';
    const name = typeof to === 'object' ? `${to.percent} %` : to;
    await until(`the plan to ${name} is ready`, async () => {
      // Running a gate makes a new plan, so not when there is nothing left to learn.
      if ((await plan(to)).ready) return true;
      await evaluate(gates);
      const { ready: isReady, next_steps, requirements } = await plan(to);
      const open = requirements.filter((each: { status: string }) =>
        ['missing', 'stale', 'failed', 'inconclusive'].includes(each.status),
      );
      const text = open.map((each: { id: string; seen: string }) => `${each.id} (${each.seen})`).join('; ');
      if (!isReady && text !== why) timeline.mark('note', `not ready for ${name}: ${text || next_steps}`.slice(0, 600));
      why = text;
      return isReady;
    });
  }

  async function keepBundle(to: unknown, name: string): Promise<void> {
    const query = typeof to === 'object' && to !== null ? `percent=${(to as { percent: number }).percent}` : `to=${to}`;
    const { bundle } = await get(`evidence?${query}`);
    bundles += 1;
    mkdirSync(path.join(out, 'plans'), { recursive: true });
    const file = path.join(out, 'plans', `${String(bundles).padStart(2, '0')}-${name}.json`);
    writeFileSync(file, `${JSON.stringify(bundle)}\n`);
  }

  async function approved(to: Target, gates: readonly OwnGate[]): Promise<string> {
    for (let tries = 1; ; tries += 1) {
      await ready(to, gates);
      const asked = await api.command(anna, 'requests', `Rehearsal: to ${to}.`, { to });
      if (asked.status === 200) {
        const { id } = asked.body;
        const answers = [await approve(bert, id), await approve(cleo, id)];
        const refused = answers.find((answer) => answer.status !== 200);
        if (refused === undefined) return id;
        if (tries === 5) throw refusal(`approval of ${to}`, refused);
        await api.command(anna, `requests/${id}/withdraw`, 'The plan changed meanwhile.');
      } else if (tries === 5) throw refusal(`request to ${to}`, asked);
    }
  }

  async function approve(by: Client, id: string): Promise<Answer> {
    const { state } = await get('state');
    return api.command(by, `requests/${id}/approvals`, 'The plan was looked at.', {
      plan_digest: state.flip?.plan_digest,
    });
  }

  async function advance(id: string, to: Target): Promise<Answer> {
    return api.command(anna, `requests/${id}/advance`, 'Rehearsal: go.', to === 'sealed' ? {} : drain);
  }

  async function settled(least: number): Promise<void> {
    await until(
      `every unit is where the policy says (${least} units)`,
      async () => {
        const { units, state } = await status();
        return (
          state.status !== 'flipping' &&
          units.live >= least &&
          units.acknowledged === units.live &&
          units.drifting === 0
        );
      },
      180_000,
    );
  }

  /** From its publication until every unit is where it belongs. */
  async function followFlip(to: Target, inFlight?: () => Promise<void>): Promise<void> {
    timeline.mark('flip', to === 'sealed' ? 'sealed' : `to Stage ${to}`);
    await inFlight?.();
    if (to === 'sealed') {
      const { state } = await status();
      timeline.check('Stage 3 is sealed', state.status === 'sealed', state.status);
      return;
    }
    await until(`the flip to ${to} is acknowledged`, async () => (await get('state')).state.status === 'idle', 180_000);
    const { state } = await get('state');
    const { outcome, reason } = state.last_flip;
    const done = state.stage === to && outcome === 'done';
    if (!timeline.check(`the flip to Stage ${to} is done`, done, `${outcome}: ${reason}`)) {
      throw new RehearsalError(`The flip to Stage ${to} ended ${outcome}: ${reason}`);
    }
    await settled(options.units());
  }

  return {
    ...{ status, evaluate, plan, ready, approved, advance, settled, until },
    async flip(to, gates, inFlight) {
      for (let tries = 1; ; tries += 1) {
        const id = await approved(to, gates);
        await keepBundle(to, `to-${to}`);
        const went = await across(to === 'sealed' ? 'the seal' : `the flip to Stage ${to}`, async () => {
          const answer = await advance(id, to);
          if (answer.status === 200) await followFlip(to, inFlight);
          return answer;
        });
        if (went.status === 200) return;
        if (tries === 5) throw refusal(`advance to ${to}`, went);
        await api.command(anna, `requests/${id}/withdraw`, 'The plan changed meanwhile.');
      }
    },
    async include(units) {
      const { now } = await get('state');
      const include = units.map((unit) => ({ unit, until: now + years, reason: 'early adopter of the rehearsal' }));
      await across(units.length === 0 ? 'no early adopters' : `${units.length} early adopters`, async () => {
        good(await api.command(anna, 'cohort', 'Rehearsal: early adopters.', { include, ...drain }), 'cohort');
        await settled(options.units());
      });
    },
    async grow(steps, between) {
      for (const percent of steps) {
        await ready({ percent }, ['parity']);
        await keepBundle({ percent }, `cohort-${percent}`);
        await across(`the cohort of ${percent} %`, async () => {
          for (let tries = 1; ; tries += 1) {
            const answer = await api.command(anna, 'cohort', `Rehearsal: ${percent} %.`, { percent, ...drain });
            if (answer.status === 200) break;
            if (tries === 5) throw refusal(`cohort of ${percent} %`, answer);
            await ready({ percent }, ['parity']);
          }
          timeline.mark('cohort', `${percent} %`);
          await settled(options.units());
        });
        await between?.(percent);
      }
    },
    async rollback(target, reason) {
      await across(reason, async () => {
        good(await api.command(anna, 'rollback', reason, { target, ...drain }), 'rollback');
        timeline.mark('rollback', reason);
        await settled(options.units());
      });
    },
    submit: (envelope) => api.ask(clients.ci, 'POST', '/v1/cutover/receipts', { envelope }),
  };
}

function good(answer: Answer, what: string): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refusal(what, answer);
}

function refusal(what: string, { status, body, text }: Answer): RehearsalError {
  return new RehearsalError(
    `${what} was refused with ${status} ${body?.code ?? ''}: ${body?.message ?? text.slice(0, 300)}`,
  );
}
