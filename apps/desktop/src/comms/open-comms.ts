import path from 'node:path';
import { primaryCommsToggle, stageNames, startUpCheck } from '@autopilot/cutover-flags';
import type { HttpClient, LaneId, Ports, SocketFactory } from '@autopilot/sync-contract';
import { buildInfo } from '../build-info.ts';
import { DesktopError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { AppliedView } from '../sync/applied-view.ts';
import type { SyncLane, SyncLaneFactory } from '../sync/sync-lane.ts';
import type { GrantedToken } from '../sync/token-provider.ts';
import type { CommsState } from '../view-model/comms-state.ts';
import type { ViewModel } from '../view-model/view-model.ts';
import { CommsRouter } from './comms-router.ts';
import { createAskControl } from './control-client.ts';
import { createDecider, drains } from './decider.ts';
import { createHeartbeat, type HeartbeatOptions } from './heartbeat.ts';
import { heartbeatBody } from './heartbeat-body.ts';
import { fileCursors, memoryCursors } from './khala-cursors.ts';
import type { KhalaModule } from './khala-opening.ts';
import { loadKhala } from './load-khala.ts';
import { createNullRun } from './null-run.ts';
import { createParityFeed } from './parity-feed.ts';
import { policyFile, policyInMemory } from './policy-files.ts';
import { createPolicySource, type PolicySourceOptions } from './policy-source.ts';
import type { RouterLimits } from './router-options.ts';
import { openSecondReader } from './second-reader.ts';
import { readToggles } from './toggles.ts';
import { memoryUnit, openUnitFile } from './unit-file.ts';

/** Where khala is, and what this desktop shows there to get a token. */
export interface KhalaPlace {
  readonly url: string;
  readonly credential?: string | undefined;
}

export interface CommsOptions {
  /** Null keeps unit, policy and cursors in memory: a simulated desktop, which has to be given its `unit`. */
  readonly dataDir: string | null;
  readonly unit?: string | undefined;
  readonly control: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  readonly log: Log;
  /** The environment of the process: the toggles are read from it. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Undefined: no khala connection is ever opened, whatever is decided. */
  readonly khala?: KhalaPlace | undefined;
  readonly createLane: SyncLaneFactory;
  /** Opens the second reader of a null run; like `createLane`, but its lane never writes. */
  readonly createReader?: SyncLaneFactory | undefined;
  /** Read this lane twice as long as it is open, and compare the two readers. */
  readonly nullRun?: LaneId | undefined;
  readonly limits?: Partial<RouterLimits> | undefined;
  readonly pollMs?: PolicySourceOptions['pollMs'] | undefined;
  readonly heartbeatMs?: HeartbeatOptions['everyMs'] | undefined;
  readonly loadKhala?: (() => Promise<KhalaModule | null>) | undefined;
  /** Runs after every change of the state, for whoever shows it. */
  readonly changed?: () => void;
}

/** Everything that decides about lanes and carries it out. */
export interface Comms {
  /** The router, as the one lane that the pipeline knows. */
  readonly createLane: SyncLaneFactory;
  state(): CommsState;
  /** Asks for the policy and tells control, from now on. The lane is started by itself. */
  start(view: ViewModel): void;
  /** Ends everything but the lane, which its pipeline closes. */
  close(): Promise<void>;
}

/** How long the start waits for control when the first decision depends on it. */
const askWithinMs = 3000;
const controlPatienceMs = 3000;

/**
 * Reads unit, cached policy and environment and makes the first decision. It waits for control only when something here
 * could make a difference to it: a khala lane, or a toggle.
 *
 * @throws {CutoverError} `toggle_refused` when a toggle is set and the policy is of Stage 3.
 * @throws {DesktopError} `null_run_refused` when a null run of khala is asked for and khala cannot be opened here.
 */
export async function openComms(options: CommsOptions): Promise<Comms> {
  const { dataDir, ports, log, http, socket } = options;
  const place = (name: string) => path.join(dataDir ?? '', name);
  const unit =
    dataDir === null ? memoryUnit(options.unit ?? 'simulated') : openUnitFile(place('unit.json'), ports.random);
  const files = dataDir === null ? policyInMemory() : policyFile(place('policy.json'));
  const cursors = dataDir === null ? memoryCursors() : fileCursors(place('khala-cursor.json'), ports.scheduler);
  const toggles = readToggles(options.env ?? {});
  const ask = createAskControl(options);
  const polling = options.pollMs === undefined ? {} : { pollMs: options.pollMs };
  const source = createPolicySource({ ports, log, ask, unit, files, ...polling });
  const khala = options.khala === undefined ? null : await (options.loadKhala ?? loadKhala)();
  if (options.khala !== undefined && khala === null) {
    log.warn({ khala: options.khala.url }, 'this build has no khala lane');
  }
  if (options.nullRun === 'khala' && khala === null) {
    const why = options.khala === undefined ? 'it was started without --khala' : 'its build holds no khala lane';
    throw new DesktopError('null_run_refused', `This desktop cannot read khala twice: ${why}.`);
  }
  await source.load(null);
  const toggled = Object.keys(toggles.set).length > 0;
  const undecided = source.held().policy === null && khala !== null;
  if (toggled || undecided) await source.load(askWithinMs);
  const stage = source.held().policy?.stage;
  if (stage !== undefined) {
    for (const warning of startUpCheck(stage, toggles.set)) log.warn({ ...warning }, 'a toggle has no effect');
  }

  let router: CommsRouter | undefined;
  const decider = createDecider({
    ...{ ports, unit: unit.identity.unit, flag: toggles.flag, khala: khala !== null },
    held: () => source.held(),
    changed: (decision, drain) => {
      log.info({ ...decision, drain, revision: source.held().policy?.revision ?? null }, 'lane decided');
      router?.decide(decision, drain);
      heartbeat.changed();
    },
  });
  const parity = khala === null ? null : createParityFeed(ports, () => decider.policy);
  const signals = { reconnects: 0, attempts: 0, failures: 0 };
  let view: ViewModel | undefined;

  const fallback = (): CommsState['fallback'] => {
    const held = decider.policy?.fallback ?? null;
    if (decider.decision.rule !== 'S2.2' || held === null) return null;
    const { incident, operator, reason, expires_at } = held;
    return { incident, operator, reason, expires_at };
  };
  const nullLane = options.nullRun;
  const nullRun =
    nullLane === undefined
      ? null
      : createNullRun({
          ...{ lane: nullLane, ports, log, ask, unit: unit.identity.unit },
          everyMs: options.heartbeatMs?.longest,
          open: () => openSecondReader(nullLane, options, khala, (streamId) => router?.follows(streamId) ?? false),
          why: () => `${nullLane} is not open here (${decider.decision.rule})`,
        });
  const watched = (lane: SyncLane) => (nullRun?.lane === lane.id ? nullRun.watch(lane) : lane);
  const state = (): CommsState => {
    const { policy, decision } = decider;
    const { lane, writes, shadow, rule, reason, warning, expiresAt } = decision;
    return {
      unit: unit.identity.unit,
      stage: policy?.stage ?? null,
      stage_name: policy === null ? null : stageNames[policy.stage],
      policy:
        policy === null
          ? null
          : { revision: policy.revision, issued_at: policy.issued_at, sealed: policy.sealed, drain: drains(policy) },
      policy_answer: source.last,
      decision: { lane, writes, shadow, rule, reason, warning, expires_at: expiresAt },
      router: router?.status() ?? notOpen,
      parity: parity?.summary() ?? null,
      null_run: nullRun?.state() ?? null,
      fallback: fallback(),
      heartbeat: { sent: heartbeat.sent, failed: heartbeat.failed, ...heartbeat.last },
    };
  };
  const heartbeat = createHeartbeat({
    ...{ ports, log, ask },
    ...(options.heartbeatMs === undefined ? {} : { everyMs: options.heartbeatMs }),
    body: heartbeatBody({
      state,
      parity,
      signals,
      view: () => view,
      protocols: () => router?.protocols() ?? [],
      build: buildInfo.client_build_id,
    }),
    sawRevision: (revision) => {
      if (revision > (source.held().policy?.revision ?? -1)) source.askNow();
    },
  });
  source.listen(() => {
    decider.look();
    if (view !== undefined) options.changed?.();
  });

  const createLane = (token: (signal: AbortSignal) => Promise<GrantedToken>, applied: AppliedView): SyncLane => {
    const askToken = async (signal: AbortSignal) => {
      signals.attempts += 1;
      const granted = await token(signal).catch((error: unknown) => {
        signals.failures += 1;
        throw error;
      });
      router?.noteTokenGrants(granted.streams);
      return granted;
    };
    const { khala: given } = options;
    const openKhala = () => {
      if (khala === null || given === undefined) throw new Error('the router never opens a lane that it was not given');
      const lane = khala.openKhalaLane({
        ...{ ports, http, socket, url: given.url, credential: given.credential, cursors },
        follows: (streamId) => router?.follows(streamId) ?? false,
        // Khala alone does not say whose streams these are. Without control it goes on with what is stored.
        beforeToken: (signal) =>
          router?.isOpen('spacetime') === true ? Promise.resolve() : withinPatience(ports, () => askToken(signal)),
      });
      return watched(lane);
    };
    const made = new CommsRouter({
      ...{ ports, log, applied, limits: options.limits, observer: parity ?? undefined },
      open: {
        spacetime: () => watched(options.createLane(askToken, applied)),
        khala: khala === null ? undefined : openKhala,
      },
    });
    made.listen((signal) => {
      if (signal.type === 'state' && signal.to === 'backoff') signals.reconnects += 1;
    });
    made.onChange(() => {
      heartbeat.changed();
      if (view !== undefined) options.changed?.();
    });
    made.decide(decider.decision, drains(decider.policy));
    router = made;
    return made;
  };
  log.info(
    { ...decider.decision, unit: unit.identity.unit, toggle: primaryCommsToggle, set: toggled },
    'first decision',
  );
  return {
    createLane,
    state,
    start(shown) {
      view = shown;
      source.start();
      heartbeat.start();
      nullRun?.start();
    },
    async close() {
      decider.close();
      await Promise.all([source.close(), heartbeat.close(), nullRun?.close()]);
      parity?.close();
      cursors.close();
    },
  };
}

const notOpen: CommsState['router'] = {
  ...{ phase: 'idle', active: null, lanes: [], waiting_ms: null, done: 0, failed: 0, dropped_events: 0 },
  ...{ overlap_events: 0, refused_writes: 0, illegal_steps: 0, handovers: [], missing_lane: null },
  ...{ held_by: null, forced: null },
};

/** Waits a moment for something that may fail, and goes on in any case. */
async function withinPatience(ports: Ports, work: () => Promise<unknown>): Promise<void> {
  let cancel = () => {};
  const enough = new Promise<void>((resolve) => {
    cancel = ports.scheduler.after(controlPatienceMs, resolve);
  });
  await Promise.race([work().catch(() => {}), enough]);
  cancel();
}
