import { streamIdForTopic } from '@autopilot/sync-contract';
import { canaryOf, type Clients, type DefectName } from './clients.ts';
import type { ControlApi } from './control-api.ts';
import { readSimulated } from './fleet.ts';
import type { Processes } from './processes.ts';
import type { Publication, Publisher } from './publisher.ts';
import type { StageManager } from './stage-manager.ts';
import type { Timeline } from './timeline.ts';

export interface DefectsOptions {
  readonly api: ControlApi;
  readonly clients: Clients;
  readonly processes: Processes;
  readonly publisher: Publisher;
  readonly manager: StageManager;
  readonly timeline: Timeline;
}

/**
 * The fault of khala by which each defect is seeded. A divergence changes the payload and nothing around it; a foreign event
 * is one that control has not mirrored, in a place where a mirrored one should be.
 */
function faultOf(name: DefectName, epoch: string | null): object {
  if (name === 'loss') return { fault: 'lose_event' };
  if (name === 'duplicate') return { fault: 'append_twice' };
  if (name === 'foreign event') return { fault: 'changed_payload', payload: { n: before, text: 'not mirrored' } };
  const oa_mirror = { v: 1, epoch, idempotency_key: `${name}-${before}` };
  return { fault: 'changed_payload', payload: { oa_mirror, body: { n: before, text: 'tampered with' } } };
}

const before = 10;
const after = 10;

/**
 * Seeds one defect in khala, on a stream of its own that one more desktop follows, and sees whether it is caught: the
 * parity gate has to fail, the plan must not be ready, and neither a new request nor the advance of an approved one may
 * go through. Then the desktop is ended, and its windows age out.
 */
export async function seedDefect(name: DefectName, options: DefectsOptions): Promise<void> {
  const { api, clients, processes, publisher, manager, timeline } = options;
  const part = canaryOf(name);
  const topic = `${part}:1`;
  const streamId = streamIdForTopic(topic);
  const event = (n: number): Publication => ({
    ...{ topic, kind: 'item/completed', payload: { n, text: name }, idempotency_key: `${name}-${n}` },
  });
  await publisher.publish(Array.from({ length: before }, (_, n) => event(n)));
  const url = await processes.startSimulated({ name: part, units: 1, client: clients.canaries[name] });
  const place = async () => (await readSimulated(url))[0]?.streams.get(streamId);
  await manager.until(
    `the desktop of the ${name} follows its stream`,
    async () => (await place())?.seq === BigInt(before),
  );
  // Approved while everything is well: what is seeded now has to stop it all the same.
  const id = await manager.approved(1, ['parity-null', 'parity']);
  const fault = faultOf(name, (await place())?.epoch ?? null);
  await injectKhalaFault(processes.khalaUrl, { ...fault, worker: topic });
  timeline.mark('defect', `a ${name} is seeded in khala`);
  await publisher.publish(Array.from({ length: after }, (_, n) => event(before + n)));

  let seen = '';
  await manager.until(`the parity gate turns to fail for the ${name}`, async () => {
    seen = (await manager.evaluate(['parity'])).parity ?? '';
    return seen.startsWith('fail');
  });
  timeline.check(`${name}: the parity gate fails`, seen.startsWith('fail'), seen);
  const plan = await manager.plan(1);
  const parity = plan.requirements.find((each: { id: string }) => each.id === 'gate:parity');
  timeline.check(`${name}: the plan is not ready`, !plan.ready && parity?.status === 'failed', `${parity?.status}`);
  const advanced = await manager.advance(id, 1);
  const code = advanced.body?.code;
  timeline.check(
    `${name}: advancing the approved request is refused`,
    advanced.status === 409 && code === 'gate_failed',
    `${advanced.status} ${code}`,
  );
  const [anna] = clients.operators;
  await api.command(anna, `requests/${id}/withdraw`, `A ${name} was found.`);
  const asked = await api.command(anna, 'requests', 'Rehearsal: once more.', { to: 1 });
  const refused = asked.status === 409 && asked.body?.code === 'gate_failed';
  timeline.check(`${name}: a new request is refused`, refused, `${asked.status} ${asked.body?.code}`);
  const { state } = await manager.status();
  timeline.check(`${name}: the stage is held`, state.stage === 0 && state.status === 'idle', `Stage ${state.stage}`);

  await processes.stopSimulated(part);
  await manager.until(`the windows of the ${name} age out`, async () => {
    const verdicts = await manager.evaluate(['parity-null', 'parity']);
    return Object.values(verdicts).every((verdict) => verdict.startsWith('pass'));
  });
  timeline.mark('note', `the ${name} has aged out`);
}

/** Arms a fault of the khala fixture. @throws {Error} when it does not take it. */
export async function injectKhalaFault(khalaUrl: string, fault: object): Promise<void> {
  const response = await fetch(new URL('/__fixture/faults', khalaUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fault),
  });
  if (!response.ok) throw new Error(`khala took no fault: ${await response.text()}`);
}

/** Counters of the khala fixture. */
export async function khalaStats(khalaUrl: string): Promise<{
  readonly connections: { readonly total: number; readonly open: number; readonly tcp: number };
  readonly counters: Readonly<Record<string, unknown>>;
  readonly fired: Readonly<Record<string, number>>;
}> {
  const response = await fetch(new URL('/__fixture/stats', khalaUrl));
  return (await response.json()) as Awaited<ReturnType<typeof khalaStats>>;
}
