// The process of control's bridge to Nostr: the bridge, and a session of its own with the lane.
import {
  Bridge,
  type BridgeSettings,
  loadSigner,
  nodeBridgeOwner,
  nodePublicSockets,
  nodeRelaySockets,
  nodeVerifyWorkers,
  openJobStates,
  secretKeyCipher,
  serveBridge,
} from '@autopilot/nostr-bridge';
import { createSession, nodeSocketFactory } from '@autopilot/session';
import type { CompatibilityRequest } from '@autopilot/sync-contract';
import { systemHttp as http, systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import { controlToken } from './control-token.ts';
import { isOver } from './assignment-desk.ts';
import { LaneWork } from './lane-work.ts';
import { PendingEvents } from './pending-events.ts';
import { bridgeGrant, openSessionDesk } from './session-desk.ts';
import { repeat } from '../repeat.ts';

/** What the process is told. */
export interface BridgeProcessData {
  readonly settings: BridgeSettings;
  readonly secretKey: Uint8Array;
  /** Kinds that it may announce and take. */
  readonly kinds: readonly number[];
  readonly profile: Readonly<Record<string, unknown>> | undefined;
  readonly control: string;
  readonly clientId: string;
  readonly secret: string;
  readonly compatibility: CompatibilityRequest;
}

/** How the lane stands, seen from the process. */
export interface LaneStatus {
  readonly session: string;
  /** Why its last connection ended. */
  readonly last_error: string | undefined;
  /** Kinds that are taken and can be computed now. */
  readonly kinds: readonly number[];
  /** Assignments that are not over. */
  readonly assignments: number;
  /** Events of the module that wait to leave. */
  readonly waiting: number;
  readonly events: PendingEvents['counters'];
}

/** Of a relay, in bytes. */
const largestFrame = 1 << 20;
/** Between two looks for assignments that nobody needs any more, in milliseconds. */
const sweepMs = 2_000;

const { owner, data } = await nodeBridgeOwner<BridgeProcessData>(ports);
const { settings, secretKey, kinds, profile, control, clientId, secret, compatibility } = data;

const token = controlToken({ http, control, clientId, secret, compatibility, streams: [bridgeGrant] });
const session = createSession({
  ports,
  http,
  socket: nodeSocketFactory,
  clientId,
  readMode: 'confirmed',
  streams: false,
  token: (_reason, signal) => token(signal),
});
const desk = openSessionDesk(session);
const work = new LaneWork(desk, ports.scheduler);
let events: PendingEvents | undefined;

const possible = () => work.kinds().filter((kind) => kinds.includes(kind));

/** What is announced is what can be done now: nothing without a provider. */
function announce(bridge: Bridge): void {
  if (!desk.isLive) return;
  const now = possible();
  bridge.announce(
    now.length === 0 ? undefined : { id: 'autopilot', kinds: now, ...(profile === undefined ? {} : { profile }) },
  );
}

/** Takes back what no job needs. One that fails is looked for again. */
function sweep(bridge: Bridge): Promise<number> {
  return work.sweep((request_id) => {
    const job = bridge.job('provider', request_id);
    return job !== undefined && openJobStates.includes(job.state);
  });
}

await serveBridge({
  ports,
  owner,
  open: async () => {
    const bridge = await Bridge.open(settings, {
      ports,
      sockets: nodeRelaySockets(largestFrame),
      // Customers name relays: none of them leads into this network.
      visitSockets: nodePublicSockets(largestFrame),
      http,
      signer: await loadSigner(secretKey, ports.random),
      cipher: secretKeyCipher(secretKey, ports.random),
      spawnVerifier: nodeVerifyWorkers,
      work,
    });
    events = new PendingEvents(session, bridge, ports);
    events.start();
    desk.onChange(() => announce(bridge));
    session.start();
    repeat(
      ports.scheduler,
      sweepMs,
      () => sweep(bridge),
      () => {},
    );
    return bridge;
  },
  more: (): LaneStatus => {
    const { state, last_close } = session.status();
    return {
      session: state,
      last_error:
        state === 'live' || last_close === undefined ? undefined : `${last_close.code}: ${last_close.message}`,
      kinds: possible(),
      assignments: desk.assignments().filter((assignment) => !isOver(assignment)).length,
      waiting: events?.waiting ?? 0,
      events: events?.counters ?? { published: 0, sent: 0, refused: 0, failures: 0 },
    };
  },
});
