import path from 'node:path';
import type { FaultProxy } from '@autopilot/testing';
import { type DefectsOptions, injectKhalaFault, khalaStats, seedDefect } from './defects.ts';
import type { GateReceipts } from './gate-receipts.ts';
import type { Load } from './load.ts';
import { RehearsalError } from './rehearsal-error.ts';
import { type RemovalKey, removalReceipt, scanTree, scanWithLane, treeWithoutLane } from './removal-receipt.ts';
import type { Scale } from './scale.ts';
import type { Watch } from './watch.ts';

export interface WayOptions extends DefectsOptions {
  readonly scale: Scale;
  readonly dataDir: string;
  readonly receipts: GateReceipts;
  readonly removalKey: RemovalKey;
  readonly load: Load;
  readonly watch: Watch;
}

/** Faults of khala that a reader has to get over; twins it makes by itself. */
const khalaFaults = [
  { fault: 'duplicate_batch', times: 3 },
  { fault: 'reorder_updates', times: 2 },
  { fault: 'withhold_event', times: 2 },
  { fault: 'malformed_frame_json', times: 1 },
  { fault: 'lost_response', times: 2 },
  { fault: 'lost_request', times: 2 },
] as const;

/** Stage 0 to the seal, with faults and defects on the way. */
export async function goTheWay(options: WayOptions): Promise<void> {
  const { scale, processes, manager, timeline, load, watch, publisher } = options;
  const steps = scale.cohortSteps;

  /** Between two phases everything is counted. */
  async function phase(name: string): Promise<void> {
    await watch.note();
    timeline.begin(name);
  }

  /** Everybody has what was published before, and by chain nothing else. */
  async function holds(after: string): Promise<void> {
    const heads = publisher.heads().filter(({ stream_id }) => stream_id.startsWith('runtime.run.'));
    const expected = scale.desktops + 2;
    const has = (streams: ReadonlyMap<string, { readonly seq: bigint }>) =>
      heads.every(({ stream_id, count }) => (streams.get(stream_id)?.seq ?? 0n) >= count);
    await manager.until(`every unit has what was published before: ${after}`, async () => {
      const units = await watch.look();
      return units.length === expected && units.every(({ streams }) => has(streams));
    });
    const unequal = watch.differences.length;
    timeline.check(`equal chains after: ${after}`, unequal === 0, `${expected} units, ${unequal} unequal`);
  }

  await phase('Stage 0: gates, A/A run, parity');
  for (const envelope of options.receipts.envelopes) {
    const { status, body } = await manager.submit(envelope);
    if (status !== 201) throw new RehearsalError(`A receipt was refused: ${status} ${body?.code} ${body?.message}`);
  }
  timeline.mark('note', `${options.receipts.envelopes.length} receipts of the packages' gates are submitted`);
  await manager.settled(scale.desktops + 2);
  await manager.ready(1, ['parity-null', 'parity']);
  await refusals(options);

  for (const name of scale.defects) {
    await phase(`Stage 0: a seeded ${name}`);
    await seedDefect(name, options);
  }

  await phase('Stage 0 to 1');
  await holds('the seeded defects, which were on streams of their own');
  await manager.flip(1, ['parity-null', 'parity']);

  await phase('Stage 1: cohorts');
  const early = watch.units.filter(({ kind }) => kind === 'real').map(({ unit }) => unit);
  await manager.include(early);
  timeline.mark('note', `the real desktops are early adopters: ${early.join(', ')}`);
  await manager.grow(steps, async (percent) => {
    if (percent === steps[0]) await faultsOfLanes();
    if (percent === steps.at(-1)) await killedDesktop();
  });

  await phase('Stage 1: drill of the cohort');
  await manager.include([]);
  await drill({ kind: 'cohort', percent: 0 }, 'drill: the whole cohort goes back to khala');
  await manager.include(early);
  await manager.grow(steps);
  // Whoever is on a list would stay on spacetime when the share goes back.
  await manager.include([]);
  await drilled();

  await phase('Stage 1 to 2, control killed in the flip');
  await manager.flip(2, ['parity', 'rollback-drill'], async () => {
    timeline.mark('fault', 'control is killed in the middle of the flip');
    await processes.killControl();
    await processes.startControl();
    timeline.mark('note', 'control runs again');
  });
  await holds('control was killed in the middle of a flip');
  await noKhala('Stage 2');

  await phase('Stage 2 to 1: rollback drill');
  await manager.until('khala has what was published', async () => (await manager.status()).mirror.waiting === 0);
  await drill({ kind: 'stage', stage: 1, percent: null }, 'drill: from Stage 2 back to Stage 1');
  await holds('the rollback from Stage 2');
  await phase('Stage 1: cohorts again');
  await manager.include(early);
  await manager.grow(steps);
  await phase('Stage 1 to 2 again');
  await manager.flip(2, ['parity', 'rollback-drill']);
  await drilled();

  await phase('Stage 2: release cycles under full load');
  load.hurry();
  await holds('the return to Stage 2');
  const silent = await noKhala('Stage 2');
  const [anna] = options.clients.operators;
  for (const release of ['rehearsal-r1', 'rehearsal-r2']) {
    await manager.until(`the release ${release} has lasted long enough`, async () => {
      const { status, body } = await options.api.command(anna, 'releases', 'It has been in use.', { release });
      if (status !== 200 && body?.code !== 'not_due') throw new RehearsalError(`${release}: ${body?.code}`);
      return status === 200;
    });
    timeline.mark('note', `${release} is counted, without a fallback`);
  }
  await removal(options);
  await manager.ready(3, ['rollback-drill']);
  const inStage2 = since(processes.khala, silent);
  timeline.check('Stage 2 opened no connection of a desktop to khala', isNothing(inStage2), JSON.stringify(inStage2));

  await phase('Stage 2 to 3');
  await manager.flip(3, ['rollback-drill']);
  const quiet = { desktops: traffic(processes.khala), control: traffic(processes.mirror) };

  await phase('Stage 3: seal');
  await holds('the flip to Stage 3');
  await manager.flip('sealed', []);
  await phase('Stage 3, sealed: the rest of the load');
  load.finish();
  await load.done;
  await holds('the end of the load');
  const undo = await options.api.command(anna, 'rollback', 'Rehearsal: too late.', {
    target: { kind: 'stage', stage: 2, percent: null },
  });
  timeline.check(
    'nothing leads out of the sealed Stage 3',
    undo.body?.code === 'sealed',
    `${undo.status} ${undo.body?.code}`,
  );
  const inStage3 = {
    desktops: since(processes.khala, quiet.desktops),
    control: since(processes.mirror, quiet.control),
  };
  timeline.check(
    'Stage 3 opened no connection to khala, control included',
    isNothing(inStage3.desktops) && isNothing(inStage3.control),
    JSON.stringify(inStage3),
  );

  async function faultsOfLanes(): Promise<void> {
    const cut = { spacetime: processes.spacetime.cutAll(), khala: processes.khala.cutAll() };
    timeline.mark('fault', `all sockets cut: ${cut.spacetime} to spacetime, ${cut.khala} to khala`);
    timeline.check('there were sockets to cut', cut.spacetime > 0 && cut.khala > 0, JSON.stringify(cut));
    await holds('sockets were cut in both lanes');
    for (const fault of khalaFaults) await injectKhalaFault(processes.khalaUrl, fault);
    timeline.mark('fault', `khala: ${khalaFaults.map(({ fault, times }) => `${times} ${fault}`).join(', ')}`);
    await manager.until('the faults of khala have acted', async () => {
      const { fired } = await khalaStats(processes.khalaUrl);
      return khalaFaults.every(({ fault, times }) => fault === 'reorder_updates' || (fired[fault] ?? 0) >= times);
    });
    await holds('duplicates, gaps, reordered and broken frames and lost answers of khala');
  }

  async function killedDesktop(): Promise<void> {
    await processes.killReal(0);
    timeline.mark('fault', 'a real desktop is killed');
    await processes.startReal(0);
    await holds('a real desktop was killed and started again');
  }

  async function drill(target: object, reason: string): Promise<void> {
    await manager.rollback(target, reason);
    await manager.until('every unit is on khala', async () => {
      const units = await watch.look();
      return units.length === scale.desktops + 2 && units.every(({ lane }) => lane === 'khala');
    });
    await manager.until('control has seen every unit go back', async () => {
      const { drill: open } = await manager.status();
      return (open?.drill ?? open)?.back?.arrived_at != null;
    });
  }

  async function drilled(): Promise<void> {
    let seen = '';
    await manager.until('the rollback drill is complete', async () => {
      if ((await manager.status()).drill !== null) return false;
      seen = (await manager.evaluate(['rollback-drill']))['rollback-drill'] ?? '';
      return true;
    });
    timeline.check('the rollback drill passes', seen.startsWith('pass'), seen);
  }

  /** No desktop has khala open. Resolves to what desktops have sent to khala so far; HTTP may stay open, and silent. */
  async function noKhala(where: string): Promise<Traffic> {
    await manager.until(`no desktop has khala open in ${where}`, async () => {
      const units = await watch.look();
      const { connections } = await khalaStats(processes.khalaUrl);
      return connections.open === 0 && units.every(({ khala }) => !khala);
    });
    return traffic(processes.khala);
  }
}

/** What has come through a proxy towards khala. */
interface Traffic {
  readonly connections: number;
  readonly bytes: number;
}

function traffic(proxy: FaultProxy): Traffic {
  const { accepted, bytes_to_server } = proxy.counters();
  return { connections: accepted, bytes: bytes_to_server };
}

/** What came through since then; nothing is what is wanted. */
function since(proxy: FaultProxy, before: Traffic): Traffic {
  const { connections, bytes } = traffic(proxy);
  return { connections: connections - before.connections, bytes: bytes - before.bytes };
}

const isNothing = ({ connections, bytes }: Traffic) => connections === 0 && bytes === 0;

/** What must be refused before anything else: skipped stages and the requester's own approval. */
async function refusals({ api, clients, manager, timeline }: WayOptions): Promise<void> {
  const [anna] = clients.operators;
  const skip = await api.command(anna, 'requests', 'Rehearsal: too far.', { to: 2 });
  timeline.check(
    'a skipped stage is refused',
    skip.body?.code === 'stage_skipped',
    `${skip.status} ${skip.body?.code}`,
  );
  await manager.ready(1, ['parity-null', 'parity']);
  const asked = await api.command(anna, 'requests', 'Rehearsal: to be withdrawn.', { to: 1 });
  if (asked.status !== 200) throw new RehearsalError(`The request to Stage 1 was refused: ${asked.body?.code}`);
  const { id, state } = asked.body;
  const own = await api.command(anna, `requests/${id}/approvals`, 'Mine.', { plan_digest: state.flip.plan_digest });
  timeline.check('the own approval is refused', own.body?.code === 'own_approval', `${own.status} ${own.body?.code}`);
  const alone = await manager.advance(id, 1);
  const code = alone.body?.code;
  timeline.check('advancing without approvals is refused', code === 'approvals_missing', `${alone.status} ${code}`);
  await api.command(anna, `requests/${id}/withdraw`, 'It was only a question.');
}

/** The receipt of the gate removal: one of a tree with the lane must hold, then one of a tree without it. */
async function removal({ manager, timeline, dataDir, removalKey }: WayOptions): Promise<void> {
  const { packages } = await manager.status();
  const held = await scanWithLane();
  await manager.submit(removalReceipt(held, packages, removalKey));
  const plan = await manager.plan(3);
  const requirement = plan.requirements.find((each: { id: string }) => each.id === 'gate:removal');
  timeline.check('a tree with the lane holds Stage 3', requirement?.status === 'failed', `${requirement?.status}`);
  const clean = await scanTree(treeWithoutLane(path.join(dataDir, 'tree')));
  const { status, body } = await manager.submit(removalReceipt(clean, packages, removalKey));
  const passed = status === 201 && body.verdict === 'pass';
  timeline.check('the tree without the lane passes', passed, `${clean.scanned.files} files: ${clean.reason}`);
}
