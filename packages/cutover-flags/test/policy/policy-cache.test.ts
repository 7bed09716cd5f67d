import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JSONWebKeySet } from 'jose';
import { unitOf } from '../../src/cohort/unit-of.ts';
import { type Admission, signAdmission } from '../../src/policy/admission.ts';
import type { PolicyFiles } from '../../src/policy/cache-file.ts';
import { createPolicyCache, type PolicyCache } from '../../src/policy/policy-cache.ts';
import type { PolicySigningKey } from '../../src/policy/signed-document.ts';
import { signPolicy } from '../../src/policy/signed-policy.ts';
import { decide } from '../../src/rulebook/decide.ts';
import { makeKeys } from '../support/keys.ts';
import { env, now, policy } from '../support/policies.ts';

let signer: PolicySigningKey;
let keys: JSONWebKeySet;
beforeAll(async () => {
  ({ signer, keys } = await makeKeys());
});

class MemoryFiles implements PolicyFiles {
  bytes: Uint8Array | null = null;
  writes = 0;
  failing = false;
  async read(): Promise<Uint8Array | null> {
    if (this.failing) throw new Error('no access');
    return this.bytes;
  }
  async write(bytes: Uint8Array): Promise<void> {
    if (this.failing) throw new Error('disk full');
    this.writes += 1;
    this.bytes = bytes;
  }
}

const open = (files: PolicyFiles, unit = 'desktop-1'): PolicyCache =>
  createPolicyCache({ files, deployment: 'test', unit });
const code = (name: string) => expect.objectContaining({ code: name });

async function bundle(change: Parameters<typeof policy>[0] = {}, admission?: Partial<Admission>) {
  const whole = { deployment: 'test', unit: 'desktop-1', salt: 'rollout-1', admitted: true, issued_at: now };
  return {
    policy: await signPolicy(policy(change), signer),
    admission: admission === undefined ? null : await signAdmission({ ...whole, ...admission }, signer),
    keys,
  };
}

describe('policy cache', () => {
  test('R19 without a file there is no policy and no problem, and the safe lane decides', async () => {
    const cache = open(new MemoryFiles());
    expect(await cache.load()).toEqual({ policy: null, admission: null, problem: null });
    const { policy: none, admission } = cache.held();
    expect(decide(none, unitOf('desktop-1', none, admission), env())).toMatchObject({ rule: 'D.1', lane: 'khala' });
    expect(decide(none, unitOf('desktop-1', none, admission), env({ khala: false })).rule).toBe('D.2');
  });

  test('R19 the last good policy and admission are there after a restart, without any key set', async () => {
    const files = new MemoryFiles();
    expect(await open(files).offer(await bundle({ revision: 3 }, {}))).toBe('taken');
    const again = open(files);
    expect(await again.load()).toEqual({
      policy: policy({ revision: 3 }),
      admission: { deployment: 'test', unit: 'desktop-1', salt: 'rollout-1', admitted: true, issued_at: now },
      problem: null,
    });
  });

  test('R18 an older revision is refused, also after a restart, and the newer one stays', async () => {
    const files = new MemoryFiles();
    await open(files).offer(await bundle({ revision: 3, stage: 2 }));
    const cache = open(files);
    await cache.load();
    await expect(cache.offer(await bundle({ revision: 2, stage: 1 }))).rejects.toEqual(code('stale_revision'));
    expect(cache.held().policy?.stage).toBe(2);
    expect(files.writes).toBe(1);
  });

  test('R18 the same revision with another content is an alarm, and the first stays', async () => {
    const files = new MemoryFiles();
    const cache = open(files);
    await cache.offer(await bundle({ revision: 3, stage: 2 }));
    await expect(cache.offer(await bundle({ revision: 3, stage: 1 }))).rejects.toEqual(code('revision_conflict'));
    expect(cache.held().policy?.stage).toBe(2);
    // Signed anew, the content is the same: an ES256 signature differs every time.
    expect(await cache.offer(await bundle({ revision: 3, stage: 2 }))).toBe('unchanged');
    expect(files.writes).toBe(1);
  });

  test('R18 answers that cross end with the newest, whatever their order', async () => {
    const cache = open(new MemoryFiles());
    const answers = await Promise.all([5, 3, 7, 4].map((revision) => bundle({ revision })));
    const settled = await Promise.allSettled(answers.map((answer) => cache.offer(answer)));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(cache.held().policy?.revision).toBe(7);
  });

  test('R19 a bundle with one bad half changes nothing at all', async () => {
    const files = new MemoryFiles();
    const cache = open(files);
    await cache.offer(await bundle({ revision: 3 }));
    const before = cache.held();
    await expect(cache.offer(await bundle({ revision: 4 }, { unit: 'desktop-2' }))).rejects.toEqual(code('wrong_unit'));
    await expect(cache.offer(await bundle({ revision: 4 }, { salt: 'other' }))).rejects.toEqual(code('wrong_rollout'));
    await expect(cache.offer(await bundle({ revision: 4, deployment: 'other' }))).rejects.toEqual(
      code('wrong_deployment'),
    );
    const unsigned = { ...(await bundle({ revision: 4 })), keys: (await makeKeys()).keys };
    await expect(cache.offer(unsigned)).rejects.toEqual(code('bad_signature'));
    await expect(cache.offer({ ...unsigned, keys: { keys: [] } })).rejects.toEqual(code('unknown_key'));
    expect(cache.held()).toEqual(before);
    expect(files.writes).toBe(1);
  });

  test('R19 a damaged file is reported, the safe lane is used, and the next policy heals it', async () => {
    const files = new MemoryFiles();
    await open(files).offer(await bundle({ revision: 3, stage: 2 }, {}));
    const good = files.bytes ?? new Uint8Array();
    const text = new TextDecoder().decode(good);
    const damaged = [
      new Uint8Array(),
      good.slice(0, good.length / 2),
      new TextEncoder().encode('{"v":1,"policy":null,"admission":null}'),
      new TextEncoder().encode(text.replace('"v":1', '"v":2')),
      new TextEncoder().encode(text.replace('"v":1', '"v":1,"more":1')),
      ...[0.2, 0.4, 0.6, 0.8].map((at) => {
        const copy = good.slice();
        const place = Math.floor(copy.length * at);
        copy[place] = (copy[place] ?? 0) ^ 1;
        return copy;
      }),
    ];
    for (const bytes of damaged) {
      files.bytes = bytes;
      const cache = open(files);
      expect(await cache.load()).toEqual({ policy: null, admission: null, problem: code('cache_corrupt') });
    }
    const cache = open(files);
    await cache.load();
    await cache.offer(await bundle({ revision: 4 }));
    expect(cache.held()).toMatchObject({ policy: { revision: 4 }, problem: null });
    expect((await open(files).load()).policy?.revision).toBe(4);
  });

  test('R19 the file of another unit or deployment counts as damaged', async () => {
    const files = new MemoryFiles();
    await open(files).offer(await bundle({ revision: 3 }, {}));
    expect((await open(files, 'desktop-2').load()).problem?.code).toBe('cache_corrupt');
    const elsewhere = createPolicyCache({ files, deployment: 'other', unit: 'desktop-1' });
    expect((await elsewhere.load()).problem?.code).toBe('cache_corrupt');
  });

  test('R19 a file that cannot be read or written is reported; the policy acts and is written when it can be', async () => {
    const files = new MemoryFiles();
    files.failing = true;
    const cache = open(files);
    expect(await cache.load()).toEqual({ policy: null, admission: null, problem: code('cache_unavailable') });
    expect(await cache.offer(await bundle({ revision: 3 }))).toBe('taken');
    expect(cache.held()).toMatchObject({ policy: { revision: 3 }, problem: { code: 'cache_unavailable' } });
    files.failing = false;
    expect(await cache.offer(await bundle({ revision: 3 }))).toBe('unchanged');
    expect(cache.held().problem).toBeNull();
    expect((await open(files).load()).policy?.revision).toBe(3);
  });

  test('R14 an admission stays when an answer brings none or an older one, and goes with its rollout', async () => {
    const files = new MemoryFiles();
    const cache = open(files);
    await cache.offer(await bundle({ revision: 1 }, { issued_at: 10 }));
    await cache.offer(await bundle({ revision: 2 }));
    expect(cache.held().admission?.admitted).toBe(true);
    await cache.offer(await bundle({ revision: 2 }, { issued_at: 9, admitted: false }));
    expect(cache.held().admission?.admitted).toBe(true);
    expect(await cache.offer(await bundle({ revision: 2 }, { issued_at: 11, admitted: false }))).toBe('taken');
    expect(cache.held().admission?.admitted).toBe(false);
    expect((await open(files).load()).admission?.issued_at).toBe(11);
    await cache.offer(await bundle({ revision: 3, cohort: { salt: 'rollout-2' } }));
    expect(cache.held().admission).toBeNull();
  });

  test('R19 listeners hear of every change; one that throws disturbs nobody', async () => {
    const cache = open(new MemoryFiles());
    const heard: (number | null)[] = [];
    cache.listen(() => {
      throw new Error('broken');
    });
    const stop = cache.listen((held) => heard.push(held.policy?.revision ?? null));
    await cache.load();
    await cache.offer(await bundle({ revision: 1 }));
    await cache.offer(await bundle({ revision: 1 }));
    stop();
    await cache.offer(await bundle({ revision: 2 }));
    expect(heard).toEqual([null, 1]);
  });
});
