// The example of README.md, compiled and run; the tests after it compare the text of both, and the tables with the code.
import { readFileSync } from 'node:fs';
import {
  createPolicyCache,
  type Decision,
  decide,
  type PolicyBundle,
  type PolicyCache,
  type PolicyFiles,
  signPolicy,
  unitOf,
} from '@autopilot/cutover-flags';
import { createCutoverProvider } from '@autopilot/cutover-flags/openfeature';
import { tableUnder } from '@autopilot/testing/markdown-table';
import { expect, test } from '@jest/globals';
import { OpenFeature } from '@openfeature/server-sdk';
import { makeKeys } from './support/keys.ts';
import { policy } from './support/policies.ts';

/** Opens the last good policy of a unit. What control answers later goes into `offer`. */
async function openPolicy(files: PolicyFiles, unit: string, answer: PolicyBundle | null): Promise<PolicyCache> {
  const cache = createPolicyCache({ files, deployment: 'production', unit });
  const { problem } = await cache.load();
  if (problem !== null) process.emitWarning(`${problem.message} ${problem.next}`);
  if (answer !== null) await cache.offer(answer);
  return cache;
}

/** Which lane to use now. With no policy the safe lane, and the rule says so. */
function laneOf(cache: PolicyCache, id: string): Decision {
  const { policy, admission } = cache.held();
  const flag = process.env.OA_SPACETIME_PRIMARY_COMMS;
  return decide(policy, unitOf(id, policy, admission), { now: Date.now(), flag, khala: true });
}

/** The same through OpenFeature. */
async function laneByOpenFeature(cache: PolicyCache, unit: string): Promise<string> {
  const env = () => ({ now: Date.now(), flag: process.env.OA_SPACETIME_PRIMARY_COMMS, khala: true });
  await OpenFeature.setProviderAndWait('cutover', createCutoverProvider({ source: cache, env, unit }));
  return await OpenFeature.getClient('cutover').getStringValue('cutover.lane', 'khala');
}

test('the example decides without a policy, with one, and after a restart without control', async () => {
  let stored: Uint8Array | null = null;
  const files: PolicyFiles = {
    read: async () => stored,
    write: async (bytes) => {
      stored = bytes;
    },
  };
  expect(laneOf(await openPolicy(files, 'desktop-1', null), 'desktop-1')).toMatchObject({ lane: 'khala', rule: 'D.1' });
  const { signer, keys } = await makeKeys();
  const signed = await signPolicy(policy({ deployment: 'production', stage: 2 }), signer);
  await openPolicy(files, 'desktop-1', { policy: signed, admission: null, keys });
  const cache = await openPolicy(files, 'desktop-1', null);
  expect(laneOf(cache, 'desktop-1')).toMatchObject({ lane: 'spacetime', writes: 'spacetime', rule: 'S2.1' });
  expect(await laneByOpenFeature(cache, 'desktop-1')).toBe('spacetime');
  await OpenFeature.close();
});

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the example is the one of the README', () => {
  const [, fenced = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const blocks = fenced.split('\n\n').filter((block) => !block.startsWith('import'));
  expect(blocks.length).toBeGreaterThan(2);
  for (const block of blocks) expect(source).toContain(block.trim());
});

test('the table of rules is the one of the code', async () => {
  const { ruleIds, rules } = await import('@autopilot/cutover-flags');
  expect(tableUnder(readme, 'Rules')).toEqual(
    ruleIds.map((id) => [id, rules[id].decides.lane, rules[id].decides.shadow ?? '', rules[id].text]),
  );
});

test('the table of errors is the one of the code', async () => {
  const { cutoverErrors } = await import('@autopilot/cutover-flags');
  expect(tableUnder(readme, 'Errors')).toEqual(
    Object.entries(cutoverErrors).map(([code, { recovery, next }]) => [code, recovery, next]),
  );
});
