import { canonicalJson, payloadHash, streamIdForTopic } from '@autopilot/sync-contract';
import { anyText } from '@autopilot/testing/any-text';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Journal, type JournalEntry, openJournal } from '../../src/codex/journal.ts';
import { startCodexLane } from '../../src/codex/start-codex-lane.ts';
import { cutText, maxPayloadBytes } from '../../src/projection/fit-payload.ts';
import { type ProjectedEvent, projectEntry } from '../../src/projection/project-entry.ts';
import { redact } from '../../src/projection/redact.ts';

const file = new URL('../../../../testing/fixtures/codex-app-server.jsonl', import.meta.url).pathname;
const options = { device_id: 'desk-1', hide: [{ text: '/home/alice', as: '~' }] };
const ports = manualPorts();
let journal: Journal;
let events: readonly ProjectedEvent[];

beforeAll(async () => {
  journal = openJournal({ file: ':memory:', clock: ports.clock });
  startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: 0, once: true });
  await ports.advanceAsync(0);
  events = journal.readAfter(0n, 10_000).flatMap((entry) => projectEntry(entry, options));
});
afterAll(() => journal.close());

function entry(fields: Partial<JournalEntry>, message: unknown): JournalEntry {
  const base = { entry_id: 9n, boot_id: 'b', command_seq: null, thread_id: 't', at_ms: 5 };
  return { ...base, direction: 'from-server', method: 'item/completed', body: JSON.stringify(message), ...fields };
}

const completed = (item: object) =>
  entry({}, { method: 'item/completed', params: { threadId: 't', turnId: 'u', item } });
const itemOf = (event: ProjectedEvent | undefined) =>
  (event?.payload as { readonly item?: Readonly<Record<string, unknown>> } | undefined)?.item ?? {};

describe('the projection of the recording', () => {
  test('holds what a person saw happen, by kind', () => {
    const kinds = Map.groupBy(events, (event) => event.kind);
    expect(Object.fromEntries([...kinds].map(([kind, of]) => [kind, of.length]))).toEqual({
      'lane/status': 3,
      'thread/started': 3,
      'thread/status/changed': 48,
      'turn/started': 7,
      'item/started': 35,
      'item/agentMessage/delta': 281,
      'item/completed': 35,
      'item/commandExecution/requestApproval': 17,
      'approval/answered': 17,
      'thread/tokenUsage/updated': 24,
      'turn/completed': 7,
    });
    const answers = kinds.get('approval/answered')?.map((event) => (event.payload as { decision: string }).decision);
    expect(answers?.filter((decision) => decision === 'decline')).toHaveLength(1);
    const topics = new Set(events.map((event) => event.topic));
    expect(topics.size).toBe(4);
    expect([...topics].filter((topic) => !/^run:[0-9a-f]{24}-[123]:events$/.test(topic))).toEqual([
      'worker:desk-1:lifecycle',
    ]);
  });

  test('has a key of its own for each event, a stream id, and a payload within the limit', () => {
    expect(new Set(events.map((event) => event.idempotency_key)).size).toBe(events.length);
    for (const event of events) {
      expect(Buffer.byteLength(canonicalJson(event.payload))).toBeLessThanOrEqual(maxPayloadBytes);
      expect(streamIdForTopic(event.topic)).toMatch(/^runtime\./);
    }
  });

  test('cuts the long output and says by how much', () => {
    const cut = events.filter((event) => canonicalJson(event.payload).includes('bytes cut'));
    expect(cut).toHaveLength(1);
    const { aggregatedOutput } = itemOf(cut[0]);
    const [, missing] = /\[\.\.\. (\d+) bytes cut \.\.\.\]/.exec(String(aggregatedOutput)) ?? [];
    const left = String(aggregatedOutput).replace(/\n\[\.\.\. \d+ bytes cut \.\.\.\]\n/, '');
    // `seq 1 5000`: 9 + 2*90 + 3*900 + 4*4001 digits and 5000 line ends.
    expect(Buffer.byteLength(left) + Number(missing)).toBe(23_893);
    expect(aggregatedOutput).toMatch(/^1\n2\n/);
    expect(aggregatedOutput).toMatch(/\n5000\n$/);
  });

  test('names no place but the neutral working folder, and nothing of the account', () => {
    const text = events.map((event) => canonicalJson(event.payload)).join('\n');
    const paths = new Set(text.match(/(?<![\w./-])\/(?:[\w.-]+\/)+[\w.-]+/g));
    expect([...paths].filter((path) => !/^\/(srv\/demo\/project|bin\/(ba)?sh$|dev\/null$)/.test(path))).toEqual([]);
    expect(text).not.toMatch(/codex-home|rateLimits|userAgent|installationId|sessionId/);
  });
});

describe('projectEntry', () => {
  test('is pure: the same entry gives the same events and hashes', () => {
    const again = journal.readAfter(0n, 10_000).flatMap((e) => projectEntry(e, options));
    expect(again.map((event) => payloadHash(event.payload))).toEqual(events.map((event) => payloadHash(event.payload)));
    expect(again).toEqual(events);
  });

  test('publishes nothing of methods it does not know, nor of messages outside a thread', () => {
    const params = { threadId: 't', secret: 'x' };
    for (const method of ['account/updated', 'constructor', '__proto__', 'item/reasoning/textDelta', '']) {
      expect(projectEntry(entry({ method }, { method, params }), options)).toEqual([]);
    }
    const started = { method: 'turn/started', params };
    expect(projectEntry(entry({ method: 'turn/started', thread_id: null }, started), options)).toEqual([]);
    expect(projectEntry(entry({ method: 'thread/start' }, { id: 2, result: {} }), options)).toEqual([]);
    expect(projectEntry(entry({ body: 'no json' }, null), options)).toEqual([]);
  });

  test('publishes which files changed, not what is in them, and no images of the user', () => {
    const changes = [{ path: '/home/alice/a.txt', kind: { type: 'update' }, diff: '+private line' }];
    const [change] = projectEntry(completed({ type: 'fileChange', id: 'i', status: 'completed', changes }), options);
    expect(itemOf(change).changes).toEqual([{ path: '~/a.txt', kind: { type: 'update' } }]);
    const content = [
      { type: 'text', text: 'look' },
      { type: 'localImage', path: '/home/alice/x.png' },
    ];
    const [said] = projectEntry(completed({ type: 'userMessage', id: 'i', content }), options);
    expect(itemOf(said).content).toEqual([{ type: 'text', text: 'look' }, { type: 'localImage' }]);
    const [other] = projectEntry(completed({ type: 'mystery', id: 'i', body: 'x' }), options);
    expect(itemOf(other)).toEqual({ type: 'mystery', id: 'i' });
  });

  test('takes secrets out before it cuts, so that half a secret never stays', () => {
    const secret = 'sk-abcdefghijklmnopqrstuvwxyz0123456789';
    for (let shift = 0; shift < 60; shift += 1) {
      const output = `${'x'.repeat(5440 + shift)} ${secret} ${'y'.repeat(9000)}`;
      const item = { type: 'commandExecution', id: 'i', aggregatedOutput: output };
      expect(canonicalJson(projectEntry(completed(item), options)[0]?.payload)).not.toMatch(/sk-|klmno|56789/);
    }
  });

  test('any JSON gives a payload within the limit that canonical JSON can carry', () => {
    fc.assert(
      fc.property(fc.jsonValue(), anyText({ maxLength: 20_000 }), (value, text) => {
        const item = { type: 'commandExecution', id: text, command: value, aggregatedOutput: text, exitCode: 2 ** 60 };
        for (const event of projectEntry(completed(item), options)) {
          expect(Buffer.byteLength(canonicalJson(event.payload))).toBeLessThanOrEqual(maxPayloadBytes);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('a text is cut between characters and never grows beyond its limit and the marker', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.integer({ min: 0, max: 200 }), (text, limit) => {
        const cut = cutText(text, limit);
        const [marker, missing] = /\n\[\.\.\. (\d+) bytes cut \.\.\.\]\n/.exec(cut) ?? ['', '0'];
        expect(cut.isWellFormed()).toBe(true);
        // The text itself may hold one.
        expect(cut.includes('\uFFFD') && !text.includes('\uFFFD')).toBe(false);
        const kept = Buffer.byteLength(cut) - marker.length;
        expect(kept + Number(missing)).toBe(Buffer.byteLength(text));
        expect(kept).toBeLessThanOrEqual(Math.max(limit, 0) || kept);
      }),
    );
  });
});

describe('redact', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['curl -H "Authorization: Bearer abcdef.123456"', 'abcdef'],
    ['git clone https://bob:hunter2@example.org/x.git', 'hunter2'],
    ['export OPENAI_API_KEY=topsecretvalue', 'topsecretvalue'],
    ['DATABASE="postgres with spaces"', 'postgres'],
    ['LANG=C.UTF-8\nHOSTNAME=box17\n', 'box17'],
    ['{"apiKey": "q9w8e7"}', 'q9w8e7'],
    ['{"refresh_token":"a\\"b"}', 'a\\'],
    ['tool --password hunter2 --verbose', 'hunter2'],
    ['db_password: hunter2', 'hunter2'],
    ['ghp_abcdefghijklmnopqrstuvwx0123', 'abcdefgh'],
    ['AKIAABCDEFGHIJKLMNOP', 'ABCDEFGHIJ'],
    ['eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln', 'eyJ'],
    ['nsec1abcdefghijklmnopqrstuvwxyz', 'abcdefghij'],
    ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----', 'MHcCAQ'],
    ['-----BEGIN PRIVATE KEY-----\nMIIcut off', 'MIIcut'],
  ];
  test.each(cases)('%s', (text, secret) => {
    const clean = redact(text, []);
    expect(clean).not.toContain(secret);
    expect(clean).toContain('(redacted)');
  });

  test('leaves ordinary text alone', () => {
    const plain = 'while read -r n || [ -n "$n" ]; do sum=$((sum + n)); done # see https://example.org/a:b and 1 = 1';
    expect(redact(plain, [])).toBe(plain);
  });

  test('hides texts of this machine where they stand as a whole', () => {
    const hidden = [
      { text: '/home/a.b', as: '~$&' },
      { text: '/', as: 'x' },
      { text: '', as: 'x' },
    ];
    expect(redact('/home/a.b/c /home/a.bc /home/aXb /home/a.b', hidden)).toBe('~$&/c /home/a.bc /home/aXb ~$&');
  });

  test('takes time in proportion to the text, for texts made to be slow', () => {
    for (const piece of ['a-', 'token.', 'eyJ-', 'a.', 'A', '"token', '--token-']) {
      // The time of the processor: how busy the machine is does not count.
      const started = process.cpuUsage();
      redact(piece.repeat(200_000 / piece.length), []);
      const { user, system } = process.cpuUsage(started);
      expect((user + system) / 1000).toBeLessThan(1000);
    }
  });
});
