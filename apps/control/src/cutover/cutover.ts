import {
  type AuditVerdict,
  type CommandType,
  type CutoverCommand,
  type CutoverConfig,
  CutoverError,
  type CutoverEvent,
  type CutoverEventName,
  type CutoverPolicy,
  type CutoverState,
  type Evidence,
  type FallbackFacts,
  noFacts,
  type Plan,
  type PlanTarget,
  parseCommand,
  plan,
  policyOf,
  type TrustedKey,
  transition,
  verifyAudit,
} from '@autopilot/cutover-flags';
import { type Clock, payloadHash } from '@autopilot/sync-contract';
import type { Logger } from 'pino';
import type { Mirror } from '../mirror/create-mirror.ts';
import type { BindingProbe } from '../spacetime/binding-probe.ts';
import type { Store } from '../store/open-store.ts';
import { storedNow } from '../store/stored-time.ts';
import type { CutoverClock } from './cutover-clock.ts';
import type { CutoverStore, StoredCutover } from './cutover-store.ts';
import type { Drills } from './drills.ts';
import type { Listening } from './listening.ts';
import { type FleetObservation, observeFleet } from './observations.ts';
import type { ReceiptStore } from './receipt-store.ts';
import type { KnownUnit, UnitStore } from './unit-store.ts';

/** What became of a command. */
export interface CommandOutcome {
  readonly revision: number;
  readonly replayed: boolean;
  readonly events: readonly CutoverEvent[];
  readonly state: CutoverState;
}

/** What the cutover works with. */
export interface CutoverOptions {
  readonly store: Store;
  readonly cutovers: CutoverStore;
  readonly config: CutoverConfig;
  readonly clock: CutoverClock;
  /** The clock of the machine: heartbeats are aged by it. */
  readonly wall: Clock;
  readonly units: UnitStore;
  readonly receipts: ReceiptStore;
  readonly trusted: readonly TrustedKey[];
  readonly drills: Drills;
  readonly mirror: Mirror;
  readonly probe: BindingProbe;
  readonly commit: string | null;
  readonly listening: Pick<Listening, 'liveSince'>;
  /** What units said longer ago than this, milliseconds, tells nothing of now, whether control listened since or not. */
  readonly silentAfter: number;
  readonly logger: Logger;
  /** Told of what every change did, when it is stored. */
  readonly changed: (state: CutoverState, events: readonly CutoverEvent[]) => void;
}

/** The cutover of this deployment. */
export interface Cutover {
  state(): Promise<CutoverState>;
  /** The state of a moment ago; what was changed here shows at once. For what is asked very often. */
  recent(): Promise<CutoverState>;
  policy(): Promise<CutoverPolicy>;
  /** Does a command of an operator, or of control itself with the actor `control`. */
  command(actor: string, command: CutoverCommand): Promise<CommandOutcome>;
  plan(to: PlanTarget): Promise<Plan>;
  evidence(): Promise<Evidence>;
  fleet(): Promise<FleetObservation>;
  /** Units that were heard of lately, and those that control has given too little time to be heard again. */
  liveUnits(): Promise<readonly KnownUnit[]>;
  /** Those of them that were heard of lately. */
  heardUnits(): Promise<readonly KnownUnit[]>;
  liveSince(): Promise<number>;
  verifyAudit(): Promise<AuditVerdict & { readonly records: number }>;
}

/** Commands that look at no evidence: gathering it for each heartbeat of a flip would be dear. */
const restsOnNothing: readonly CommandType[] = ['acknowledge', 'observe'];

const noEvidence: Evidence = {
  packages: {},
  commit: null,
  module_schema: null,
  receipts: [],
  trusted_keys: [],
  facts: noFacts,
};

/** How often a change that control makes itself is tried again when somebody else was faster. */
const mostTries = 5;

/** Audit records that are read at once. */
const auditPage = 1_000;

/** Who control is in its own log. */
export const controlActor = 'control';

/** How long khala and the database are not asked again. */
const probeEvery = 2_000;

/** How old what units are told may be. Another replica's change shows that much later. */
const recentFor = 200;

/** The cutover over the store. Changes are compare-and-set: of two at once, exactly one happens. */
export function createCutover(options: CutoverOptions): Cutover {
  const { cutovers, config, clock, wall, units, receipts, drills, mirror, probe, logger } = options;
  const khalaAnswers = kept(() => mirror.reachable(), wall);
  const binding = kept(probe, wall);
  let glance: { readonly at: number; readonly state: CutoverState } | undefined;

  function remember(state: CutoverState): void {
    // What was read before a change and comes after it must not hide it.
    if (glance === undefined || state.revision >= glance.state.revision) glance = { at: wall.monotonic(), state };
  }

  async function loadRecent(): Promise<CutoverState> {
    if (glance !== undefined && wall.monotonic() - glance.at < recentFor) return glance.state;
    const { state } = await cutovers.load();
    remember(state);
    return state;
  }

  const { liveSince } = options.listening;
  const liveUnits = async () => units.since(await liveSince());
  const heardSince = () => storedNow(wall) - options.silentAfter;
  const heardOf = (live: readonly KnownUnit[]) => live.filter((unit) => unit.last_seen >= heardSince());

  function observe(live: readonly KnownUnit[], state: CutoverState): FleetObservation {
    return observeFleet(live, state, clock, heardOf(live));
  }

  async function evidence(): Promise<Evidence> {
    const { state } = await cutovers.load();
    const live = await liveUnits();
    const fleet = observe(live, state);
    const bound = await binding();
    const { count, heads, events } = await target();
    const stored = await receipts.current();
    return {
      packages: fleet.packages,
      commit: options.commit,
      module_schema: bound.module_schema,
      receipts: stored.map((receipt) => receipt.envelope),
      trusted_keys: options.trusted,
      facts: {
        target: { streams: count, heads, events, units: heardOf(live).length },
        binding: bound,
        // From Stage 3 on khala is not even asked: no step that is left rests on its answer.
        khala: mirror.present && state.stage < 3 ? { reachable: await khalaAnswers() } : null,
        service: fleet.service,
        sample_ratio: fleet.sample_ratio,
        placement: fleet.placement,
        fallback: await fallbackFacts(state.release_cycles.since),
      },
    };
  }

  async function target(): Promise<{ count: number; heads: number; events: number }> {
    const rows = await options.store.db.selectFrom('stream').select(['last_seq']).execute();
    const heads = rows.filter((row) => row.last_seq !== null);
    const events = heads.reduce((sum, row) => sum + Number(row.last_seq), 0);
    return { count: rows.length, heads: heads.length, events };
  }

  /** Uses that were told of since then, and units that were in it when they were last heard of: nothing says they left. */
  async function fallbackFacts(since: number): Promise<FallbackFacts> {
    const { db } = options.store;
    const used = await db.selectFrom('cutover_fallback_use').select('unit').where('at', '>=', since).execute();
    const inUse = await db.selectFrom('cutover_unit').select('unit').where('rule', '=', 'S2.2').execute();
    const heard = await db
      .selectFrom('cutover_unit')
      .select((e) => e.fn.countAll<number>().as('units'))
      .where('last_seen', '>=', clock.toWall(since))
      .executeTakeFirstOrThrow();
    const told = new Set(used.map(({ unit }) => unit));
    const untold = inUse.filter(({ unit }) => !told.has(unit));
    return { since, uses: used.length + untold.length, units: heard.units };
  }

  async function attempt(
    actor: string,
    command: CutoverCommand,
    before: StoredCutover,
  ): Promise<CommandOutcome | null> {
    const key = command.idempotency_key;
    const { revision: _revision, ...lasting } = command;
    const digest = payloadHash({ actor, command: lasting });
    const known = key === null ? undefined : await cutovers.command(key);
    if (known !== undefined) {
      if (known.digest === digest) {
        return { revision: known.revision, replayed: true, events: known.events, state: before.state };
      }
      throw new CutoverError('idempotency_conflict', `The key ${key} was used for another command.`);
    }
    const context = {
      actor,
      now: clock.now(),
      config,
      evidence: restsOnNothing.includes(command.type) ? noEvidence : await evidence(),
    };
    const result = transition(before.state, command, context);
    if (!result.ok) throw result.refusal;
    const { state, events, revision } = result;
    if (result.replayed) return { revision, replayed: true, events: result.answered, state };
    if (state === before.state) return { revision, replayed: false, events, state };
    const live = events.some((event) => isRollback(event)) ? await liveUnits() : [];
    const done = key === null ? null : { key, actor, digest };
    logger.debug({ actor, type: command.type, revision }, 'cutover commits');
    const tell = events.some((event) => !isRemark(event));
    if (!(await cutovers.commit({ before, state, events, tell, command: done, now: storedNow(wall) }))) return null;
    remember(state);
    for (const event of events) {
      const { reason, from, to } = event;
      const entry = { cutover: event.event, actor, revision, from: from.stage, to: to.stage, reason };
      if (event.loud) logger.warn(entry, 'cutover');
      else logger.info(entry, 'cutover');
    }
    if (events.some(isRollback)) await drills.begin(before.state, state, live, clock.now());
    options.changed(state, events);
    return { revision, replayed: false, events, state };
  }

  return {
    async state() {
      const { state } = await cutovers.load();
      remember(state);
      return state;
    },
    recent: loadRecent,
    policy: async () => published((await cutovers.load()).state, clock),
    async command(actor, given) {
      const command = parseCommand(given);
      for (let tries = 1; ; tries += 1) {
        const before = await cutovers.load();
        const outcome = await attempt(actor, { ...command, revision: rebased(command, before) }, before);
        if (outcome !== null) return outcome;
        // Somebody else was faster. With the state of now an operator's command is refused by its revision.
        if (tries === mostTries) throw new CutoverError('state_conflict', 'Others keep changing the cutover.');
      }
    },
    async plan(to) {
      const { state } = await cutovers.load();
      return plan(state, to, await evidence(), config, clock.now());
    },
    evidence,
    fleet: async () => observe(await liveUnits(), (await cutovers.load()).state),
    liveUnits,
    heardUnits: () => units.since(heardSince()),
    liveSince,
    async verifyAudit() {
      const records: unknown[] = [];
      for (let page = await cutovers.audit(0, auditPage); page.length > 0; ) {
        records.push(...page);
        page = await cutovers.audit(page.at(-1)?.seq ?? 0, auditPage);
      }
      return { ...verifyAudit(records, await cutovers.auditHead()), records: records.length };
    },
  };
}

/** What control tells without moving anything: a command that a hold forbids is refused for the hold. */
const remarks: readonly CutoverEventName[] = ['trigger_alert', 'hold_placed', 'hold_released'];

function isRemark({ event, actor }: CutoverEvent): boolean {
  return actor === controlActor && remarks.includes(event);
}

/**
 * The revision to do a command at. What control itself notes down between two looks of an operator, counts of
 * acknowledgements, how long a trigger has been near and what it remarks on, changes nothing that the operator has seen.
 */
function rebased({ revision, idempotency_key }: CutoverCommand, { state, told }: StoredCutover): number {
  const own = idempotency_key === null;
  return own || (revision >= told && revision < state.revision) ? state.revision : revision;
}

/** The policy that units get: its times are those of their machines. */
export function published(state: CutoverState, clock: CutoverClock): CutoverPolicy {
  const policy = policyOf(state);
  if (clock.rate === 1) return policy;
  const entries = (list: CutoverPolicy['cohort']['include']) =>
    list.map((entry) => ({ ...entry, until: clock.toWall(entry.until) }));
  const { cohort, fallback } = policy;
  return {
    ...policy,
    issued_at: clock.toWall(policy.issued_at),
    cohort: { ...cohort, include: entries(cohort.include), exclude: entries(cohort.exclude) },
    fallback:
      fallback === null
        ? null
        : { ...fallback, since: clock.toWall(fallback.since), expires_at: clock.toWall(fallback.expires_at) },
  };
}

const rollbacks: readonly string[] = ['rolled_back', 'cohort_rolled_back', 'rolled_back_by_trigger'];

function isRollback(event: CutoverEvent): boolean {
  return rollbacks.includes(event.event);
}

/** Asks again only when the last answer is old. */
function kept<T>(ask: () => Promise<T>, clock: Clock): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return () => {
    const at = clock.monotonic();
    if (last === undefined || at - last.at >= probeEvery) last = { at, answer: ask() };
    return last.answer;
  };
}
