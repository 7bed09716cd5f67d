import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAskControl } from '../../src/comms/control-client.ts';
import { policyFile } from '../../src/comms/policy-files.ts';
import { createPolicySource, type PolicySource } from '../../src/comms/policy-source.ts';
import { openUnitFile } from '../../src/comms/unit-file.ts';
import { type CutoverControl, cutoverControl } from '../support/cutover-control.ts';
import { memoryLog } from '../support/memory-log.ts';

let dir: string;
let control: CutoverControl;
const open: PolicySource[] = [];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'desktop-policy-'));
  control = cutoverControl({ stage: 1 });
});
afterEach(async () => {
  for (const source of open.splice(0)) await source.close();
  rmSync(dir, { recursive: true, force: true });
});

const place = (name: string) => path.join(dir, name);
const start = (http = control.http) => {
  const access = { control: 'http://control.test', clientId: 'c', clientSecret: 's', ports: systemPorts };
  const source = createPolicySource({
    ...{ ports: systemPorts, log: memoryLog(), pollMs: { shortest: 5, longest: 15 } },
    ask: createAskControl({ ...access, http }),
    unit: openUnitFile(place('unit.json'), systemPorts.random),
    files: policyFile(place('policy.json')),
  });
  open.push(source);
  return source;
};
const until = (look: () => boolean, describe: string) => waitFor(look, { describe });

describe('the policy of a desktop', () => {
  test('H14: is asked for under its unit, proved, and asked for again and again', async () => {
    const source = start();
    const told: (number | undefined)[] = [];
    source.listen(() => told.push(source.held().policy?.revision));
    source.start();
    await until(() => source.held().policy?.revision === 1, 'the first policy');
    control.set({ stage: 2 });
    await until(() => source.held().policy?.stage === 2, 'the second policy');
    await until(() => told.includes(2), 'the listener');
    expect(source.last).toMatchObject({ answer: expect.stringMatching(/taken|unchanged/), error: null });
    expect(control.asked).toContain('/v1/cutover/policy');
  });

  test('H14: waits for the next policy only at a control that says that it lets one wait', async () => {
    const source = start();
    source.start();
    await until(() => control.queries.length >= 3, 'some questions');
    expect(control.queries.some((query) => query.has('wait_ms') || query.has('after'))).toBe(false);
    control.waits = 60_000;
    const last = () => Object.fromEntries(control.queries.at(-1) ?? []);
    await until(() => last().wait_ms === '20000', 'a question that waits');
    expect(last()).toMatchObject({ after: '1', wait_ms: '20000' });
    control.set({ stage: 2 });
    await until(() => last().after === '2', 'a question for what comes after');
    control.down = true;
    await until(() => source.last.answer === 'failed', 'the failure');
    control.down = false;
    const before = control.queries.length;
    await until(() => control.queries.length > before, 'the question after the failure');
    expect(control.queries[before]?.has('wait_ms')).toBe(false);
  });

  test('H14: a question that waits ends with the source', async () => {
    control.waits = 20_000;
    const asks: AbortSignal[] = [];
    const http: typeof control.http = (request) => {
      if (!request.url.includes('wait_ms')) return control.http(request);
      return new Promise((_resolve, reject) => {
        if (request.signal !== undefined) asks.push(request.signal);
        request.signal?.addEventListener('abort', () => reject(new Error('aborted')));
      });
    };
    const source = start(http);
    source.start();
    await until(() => asks.length === 1, 'the question that waits');
    expect(asks[0]?.aborted).toBe(false);
    await source.close();
    expect(asks[0]?.aborted).toBe(true);
  });

  test('H14: goes on without control, over a restart, under the same unit', async () => {
    const first = start();
    await first.load(2000);
    await first.close();
    const unit = readFileSync(place('unit.json'), 'utf8');
    control.down = true;
    const second = start();
    await second.load(50);
    expect(second.held().policy).toMatchObject({ stage: 1, revision: 1 });
    expect(second.last).toMatchObject({ answer: 'failed', error: 'unavailable: Control does not answer.' });
    expect(readFileSync(place('unit.json'), 'utf8')).toBe(unit);
    expect(JSON.parse(unit)).toEqual({
      unit: expect.stringMatching(/^desktop-[0-9a-f]{24}$/),
      deployment: 'http://control.test',
    });
  });

  test('H14: a damaged, an older and a foreign one change nothing and are told', async () => {
    const source = start();
    control.set({});
    await source.load(2000);
    source.start();
    const refused = async (code: string) => {
      await until(() => source.last.error?.startsWith(code) === true, code);
      expect(source.held().policy).toMatchObject({ revision: 2, stage: 1 });
    };
    const bend = (jws: string) => {
      const [head, body, proof] = jws.split('.');
      const forged = Buffer.from(
        Buffer.from(body ?? '', 'base64url')
          .toString()
          .replace('"stage":1', '"stage":2'),
      );
      return [head, forged.toString('base64url'), proof].join('.');
    };
    control.bend = bend;
    await refused('bad_signature');
    control.bend = (jws) => jws;
    control.policy = { ...control.policy, revision: 1, stage: 0 };
    await refused('stale_revision');
    control.policy = { ...control.policy, revision: 9, deployment: 'http://elsewhere.test' };
    await refused('wrong_deployment');
    control.policy = { ...control.policy, deployment: 'http://control.test', revision: 2, stage: 3 };
    await refused('revision_conflict');
  });

  test('H14: new keys of control are fetched when the known ones do not prove it', async () => {
    const source = start();
    await source.load(2000);
    control.rotate();
    control.set({ stage: 2 });
    source.start();
    await until(() => source.held().policy?.stage === 2, 'the policy under the new key');
  });

  test('a damaged cache file is told, and the next answer repairs it', async () => {
    await start().load(2000);
    writeFileSync(place('policy.json'), '{"v":1,');
    const source = start();
    await source.load(null);
    expect(source.held()).toMatchObject({ policy: null, problem: { code: 'cache_corrupt' } });
    await source.load(2000);
    expect(source.held()).toMatchObject({ policy: { revision: 1 }, problem: null });
  });

  test('a control without the cutover has no policy, and nobody waits longer than allowed for one that hangs', async () => {
    control.old = true;
    const source = start();
    await source.load(2000);
    expect([source.held().policy, source.last.answer]).toEqual([null, 'absent']);
    const hanging = createPolicySource({
      ...{ ports: systemPorts, log: memoryLog(), ask: () => new Promise<never>(() => {}) },
      unit: openUnitFile(place('unit.json'), systemPorts.random),
      files: policyFile(place('policy.json')),
    });
    open.push(hanging);
    await hanging.load(20);
    expect(hanging.held().policy).toBeNull();
  });
});
