import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
// The example of README.md, with the package name replaced by its source.
import {
  canonicalJson,
  decodeWireError,
  draftEvent,
  encodeWireError,
  extendChain,
  genesisChain,
  hasTruePayloadHash,
  SyncError,
  streamIdForTopic,
  syncErrors,
} from '../src/index.ts';

test('the example of the README', () => {
  const draft = draftEvent({
    stream_id: streamIdForTopic('run:42:events'), // 'runtime.run.42.events'
    kind: 'item/completed',
    payload: { text: 'done', cost: 0.5 },
    idempotency_key: 'run-42-item-7',
  });
  const ok = hasTruePayloadHash(draft); // true: the receiver checks this before it applies the event

  const chain = extendChain(genesisChain(draft.stream_id), { seq: 1n, ...draft });

  let path: unknown;
  try {
    canonicalJson({ total: 2 ** 53 });
  } catch (error) {
    if (error instanceof SyncError && error.code === 'unrepresentable') path = error.details.path; // '/total'
  }

  const text = encodeWireError('forbidden', 'No grant on this stream.');
  const { code, recovery, next } = decodeWireError(text);

  expect(draft.stream_id).toBe('runtime.run.42.events');
  expect(draft.payload).toBe('{"cost":0.5,"text":"done"}');
  expect(ok).toBe(true);
  expect(chain).toMatch(/^[0-9a-f]{64}$/);
  expect(path).toBe('/total');
  expect([code, recovery, next]).toEqual(['forbidden', 'ask-user', expect.stringContaining('grant')]);
});

test('the error table of the README is the one of the code', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ');
  for (const [code, spec] of Object.entries(syncErrors)) {
    expect(readme).toContain(`| \`${code}\` | ${spec.recovery} | ${spec.next} |`);
  }
});
