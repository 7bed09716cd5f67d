import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createReceipt, verifyReceipt } from '@autopilot/cutover-flags';
import { recordingLine } from '@autopilot/cutover-flags/parity';
import { canonicalJson, canonicalPayloadHash } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { cli, cliOf } from '../support/cli.ts';
import { startCutover } from '../support/cutover.ts';
import { gateKey, observation, trustedKey } from '../support/cutover-fixtures.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A folder with these files. */
function tree(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return folder;
}

/** The line of a recorded event. */
function line(seq: number, payload: object, stream_id = 'runtime.run.1'): string {
  const text = canonicalJson(payload as Parameters<typeof canonicalJson>[0]);
  const payload_hash = canonicalPayloadHash(text);
  return recordingLine({
    stream_id,
    epoch: 'e1',
    seq: BigInt(seq),
    kind: 'item',
    payload: text,
    payload_hash,
    idempotency_key: `k${seq}`,
  });
}

// Put together here: this repository is scanned too.
const lanePackage = ['@autopilot', 'legacy-lane'].join('/');

describe('cutover verify', () => {
  const clean = {
    'package.json': '{"name":"app","version":"1.2.3"}',
    'src/a.ts': 'export const lane = "spacetime";\n',
  };

  test('a clean tree passes, and the signed receipt says what was looked at', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const cwd = tree(clean);
    const keys = tree({ 'key.json': JSON.stringify(privateKey.export({ format: 'jwk' })) });
    const key = path.join(keys, 'key.json');
    const out = path.join(keys, 'removal.dsse.json');
    const ran = await cli(['verify', '--stage', '3', '.', '--receipt', out, '--key', key], { cwd });
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toContain('pass: Nothing was found in 2 files.');
    const envelope = JSON.parse(readFileSync(out, 'utf8'));
    const keyid = envelope.signatures[0].keyid;
    const jwk = publicKey.export({ format: 'jwk' });
    const { observation: seen } = verifyReceipt(envelope, [{ keyid, jwk, gates: ['removal'] }]);
    expect(seen).toMatchObject({ gate: 'removal', verdict: 'pass', counts: { cases: 2, failed: 0 } });
    expect(seen.environment.packages).toEqual({ app: '1.2.3' });
  });

  test('what still knows the lane is found with file and line', async () => {
    const cwd = tree({
      ...clean,
      'src/b.ts': `// one\nimport { lane } from '${lanePackage}';\nexport { lane };\n`,
      'docs/use.md': 'Connect to khala with the old client.\n',
    });
    const ran = await cli(['verify', '--stage', '3', '.'], { cwd });
    expect(ran.code).toBe(6);
    expect(ran.out).toContain('src/b.ts:2: import:');
    expect(ran.out).toContain('docs/use.md:1: document:');
    expect(ran.out).toMatch(/fail: \d+ places still know the lane/);
    const { json, code } = await cli(['verify', '--stage', '3', '.', '--json'], { cwd });
    expect([code, json.exit, json.result.verdict]).toEqual([6, 6, 'fail']);
    expect(json.result.findings[0]).toMatchObject({ file: expect.any(String), line: expect.any(Number) });
  });

  test('nothing looked at is not conclusive; a missing folder and a bad key are mistakes', async () => {
    const cwd = tree({ 'bad.json': '{"kty":"OKP"}' });
    mkdirSync(path.join(cwd, 'empty'));
    expect(await cli(['verify', '--stage', '3', 'empty'], { cwd })).toMatchObject({ code: 1 });
    expect(await cli(['verify', '--stage', '3', 'nowhere'], { cwd })).toMatchObject({ code: 2 });
    const bad = await cli(['verify', '--stage', '3', '.', '--receipt', 'r', '--key', 'bad.json'], { cwd });
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('not a private key');
    expect(bad.err).not.toContain(' at ');
    const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    writeFileSync(path.join(cwd, 'good.json'), JSON.stringify(key));
    const nameless = await cli(['verify', '--stage', '3', '.', '--receipt', 'r', '--key', 'good.json'], { cwd });
    expect([nameless.code, nameless.err]).toEqual([2, expect.stringContaining('no package with a version')]);
  });
});

describe('cutover parity --files', () => {
  test('equal recordings match; a difference is shown at its place', async () => {
    const lines = [1, 2, 3].map((seq) => line(seq, { n: seq, deep: { a: 1 } }));
    const changed = [lines[0], line(2, { n: 2, deep: { a: 7 } }), lines[2]];
    const cwd = tree({
      'left.ndjson': `${lines.join('\n')}\n`,
      'same.ndjson': `${lines.join('\n')}\n`,
      'changed.ndjson': `${changed.join('\n')}\n`,
      'short.ndjson': `${lines.slice(0, 2).join('\n')}\n`,
      'empty.ndjson': '',
      'broken.ndjson': `${lines[0]}\n{"seq":\n`,
    });
    const compare = (right: string, ...more: string[]) =>
      cli(['parity', '--files', 'left.ndjson', right, ...more], { cwd });
    const same = await compare('same.ndjson');
    expect(same.code).toBe(0);
    expect(same.out).toMatch(/match +3 +100 % of 3/);
    const other = await compare('changed.ndjson');
    expect(other.code).toBe(6);
    expect(other.out).toContain('mismatch runtime.run.1 e1 2');
    expect(other.out).toMatch(/\/deep\/a\n +- 1\n +\+ 7/);
    expect((await compare('short.ndjson', '--json')).json).toMatchObject({
      exit: 6,
      result: { counts: { missing_right: 1 } },
    });
    const nothing = await cli(['parity', '--files', 'empty.ndjson', 'empty.ndjson'], { cwd });
    expect(nothing.code).toBe(1);
    const broken = await compare('broken.ndjson');
    expect(broken.code).toBe(2);
    expect(broken.err).toContain('Line 2 of the right recording is not JSON');
    expect((await compare('nowhere.ndjson')).err).toMatch(/cannot be read\s+\(ENOENT\)/);
  });
});

describe('receipts, audit and evidence', () => {
  test('submit takes files and folders; one bad receipt does not keep the others back', async () => {
    const it = await startCutover();
    const now = Date.now();
    const other = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    const cwd = tree({
      'a/rulebook.dsse.json': JSON.stringify(createReceipt(observation('rulebook', now), gateKey)),
      'a/node_modules/x.dsse.json': '{}',
      'b/forged.dsse.json': JSON.stringify(createReceipt(observation('removal', now), { keyid: 'x', jwk: other })),
      'empty/readme.txt': '',
      'text.json': 'no json',
    });
    const run = cliOf(it.control.url, { cwd });
    const good = await run('ci', 'submit', 'a');
    expect(good).toMatchObject({ code: 0, err: '' });
    expect(good.out).toContain('1 of 1 receipt are with control.');
    const mixed = await run('ci', 'submit', 'b', 'a/rulebook.dsse.json', '--json');
    expect(mixed).toMatchObject({ code: 1 });
    expect(mixed.json.result.receipts).toMatchObject([
      { answer: null, error: { code: 'receipt_untrusted_key' } },
      { answer: { gate: 'rulebook', duplicate: true }, error: null },
    ]);
    expect((await run('anna', 'submit', 'a')).code).toBe(4);
    expect((await run('ci', 'submit', 'empty')).err).toContain('nothing_given');
    expect((await run('ci', 'submit', 'text.json')).code).toBe(2);
    const gates = await run('reader', 'gates');
    expect(gates.out).toMatch(/rulebook +pass/);
    expect(gates.out).toMatch(/removal +none/);
    expect((await run('ci', 'gates', '--evaluate', 'parity')).code).toBe(1);
  });

  test('audit and evidence are exported, verified off-line, and changes are found', async () => {
    const it = await startCutover();
    await it.fill();
    await waitUntil(async () => it.database.keys('runtime.run.1').length === 3);
    await it.submit(observation('rulebook', Date.now()));
    const cwd = tree({});
    const run = cliOf(it.control.url, { cwd });
    expect((await run('reader', 'audit', 'verify')).code).toBe(1);
    await waitUntil(async () => (await run('reader', 'plan', '--to', '1')).code === 0);
    const { id } = (await run('anna', 'request', '--to', '1', '--reason', 'go', '--json')).json.result;
    await run('bert', 'approve', id);

    const whole = await run('reader', 'audit', 'verify', '--json');
    expect(whole).toMatchObject({ code: 0, json: { result: { ok: true, records: 2 } } });
    const { seq, hash } = whole.json.result.head;
    await run('reader', 'audit', 'export', '--out', 'log/audit.ndjson');
    const file = path.join(cwd, 'log/audit.ndjson');
    const text = readFileSync(file, 'utf8');
    expect((await run('reader', 'audit', 'export')).out).toBe(text);
    const offline = (...args: string[]) => cli(args, { cwd });
    expect((await offline('audit', 'verify', 'log/audit.ndjson', '--head', `${seq}:${hash}`)).code).toBe(0);
    expect((await run('reader', 'audit', 'show', '--last', '1')).out).toMatch(/2 .* bert +flip_approved/);
    writeFileSync(file, `${text.split('\n')[0]}\n`);
    expect((await offline('audit', 'verify', 'log/audit.ndjson')).code).toBe(0);
    expect((await offline('audit', 'verify', 'log/audit.ndjson', '--head', `${seq}:${hash}`)).code).toBe(6);
    writeFileSync(file, text.replace('bert', 'anna'));
    const forged = await offline('audit', 'verify', 'log/audit.ndjson');
    expect([forged.code, forged.out]).toEqual([6, expect.stringContaining('was changed')]);
    writeFileSync(file, 'x\n');
    expect((await offline('audit', 'verify', 'log/audit.ndjson')).code).toBe(2);
    writeFileSync(file, text);

    const made = await run(
      'reader',
      'evidence',
      'export',
      '--to',
      '1',
      '--out',
      'bundle.json',
      '--keys-out',
      'k/keys.txt',
    );
    expect(made.out).toContain('the plan, 1 receipt, 2 audit records');
    const keys = ['--keys', 'k/keys.txt'];
    expect((await offline('evidence', 'verify', 'bundle.json', ...keys)).code).toBe(0);
    expect((await run('reader', 'evidence', 'verify', '.')).out).toContain('2 of 2 files whole.');
    expect((await offline('evidence', 'verify', '.')).code).toBe(2);
    const wrong = await offline('evidence', 'verify', 'bundle.json', ...keys, '--digest', `sha256:${'0'.repeat(64)}`);
    expect(wrong.code).toBe(6);
    const bundle = readFileSync(path.join(cwd, 'bundle.json'), 'utf8');
    writeFileSync(path.join(cwd, 'bundle.json'), bundle.replace('"ready":true', '"ready":false'));
    const changed = await offline('evidence', 'verify', '.', ...keys, '--json');
    expect(changed.code).toBe(6);
    expect(changed.json.result.verified.find((each: { what: string }) => each.what === 'bundle').problems).toHaveLength(
      2,
    );
    const strangers = tree({ 'keys.json': JSON.stringify({ keys: [{ ...trustedKey, gates: ['removal'] }] }) });
    writeFileSync(path.join(cwd, 'bundle.json'), bundle);
    const distrusted = await offline('evidence', 'verify', 'bundle.json', '--keys', path.join(strangers, 'keys.json'));
    expect(distrusted.code).toBe(6);
    expect((await run('reader', 'evidence', 'verify', 'k')).code).toBe(1);
    expect((await run('desktop', 'evidence', 'export', '--to', '1')).code).toBe(4);
  });
});
