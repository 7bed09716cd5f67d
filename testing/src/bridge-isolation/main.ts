// Drives a real lane while a bridge beside it meets what it must not pass on, and prints what came of the lane as JSON.
// main.ts FOLDER SCENARIO[,SCENARIO...] RELAYS(json) [ROUNDS LIMIT STAGES]: one line for each, in their order, all on one
// lane. With ROUNDS, times are measured.
import { startOwnerLane } from '../owner-lane/owner-lane.ts';
import { waitFor } from '../wait-for.ts';
import { startBeside, type Surroundings } from './beside.ts';
import { measure } from './measure.ts';
import type { BridgeCounts, IsolationReport } from './report.ts';

const [folder = '', scenarios = '', urls = '[]', rounds = '0', limit = '', stages = ''] = process.argv.slice(2);
/** Events with a bridge, and as many before. */
const events = 150;

async function until(condition: () => boolean): Promise<void> {
  await waitFor(condition, { timeoutMs: 60_000, describe: condition.toString() });
}

async function withBridge(scenario: string, around: Surroundings, counts: BridgeCounts): Promise<void> {
  const bridge = startBeside(scenario, around);
  if (bridge.fault === 'none') await until(() => bridge.isAtWork);
  for (let n = 0; n < events; n += 1) await around.lane.publish();
  // Until what is to go wrong has gone wrong.
  if (bridge.fault !== 'none') await until(() => bridge.starts >= 2);
  if (scenario === 'full') await until(() => bridge.failures > 0);
  await bridge.end(counts);
}

async function run(scenario: string, around: Surroundings): Promise<IsolationReport> {
  const counts = {
    bridge: { starts: 0, ended_here: 0 },
    seen: { read: 0, mirrored: 0, failures: 0, losses: 0 },
  };
  const { lane } = around;
  if (!around.asByDefault) {
    for (let n = 0; n < events; n += 1) await lane.publish();
    await withBridge(scenario, around, counts);
    return { outcome: await lane.outcome(), ...counts };
  }
  const asked = { rounds: Number(rounds), limit: Number(limit), stages: Number(stages) };
  const times = await measure(scenario, around, counts, asked);
  return { outcome: await lane.outcome(), times, ...counts };
}

const lane = await startOwnerLane(folder);
const around = { lane, folder, relays: JSON.parse(urls) as string[], asByDefault: Number(rounds) > 0 };
for (const scenario of scenarios.split(',')) process.stdout.write(`${JSON.stringify(await run(scenario, around))}\n`);
await lane.close();
