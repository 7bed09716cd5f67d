// Hostile relays in a process of their own, one of every kind: what they cost is not the time of whom they attack. Prints
// their addresses as JSON, and ends with its standard input.
import { finalizeEvent, generateSecretKey } from 'nostr-tools/pure';
import { type Hostility, startHostileRelay } from './hostile-relay.ts';

const secret = generateSecretKey();
const created_at = Math.floor(Date.now() / 1000);
const events = Array.from({ length: 50 }, (_, n) =>
  // As what a provider follows, so that none is refused before its signature was looked at.
  finalizeEvent({ kind: 5_050, created_at, tags: [['p', process.argv[2] ?? '']], content: `${n}` }, secret),
).map((event) => ({ ...event }));

const kinds: readonly Hostility[] = [
  { type: 'hanging' },
  { type: 'refusing', status: 503 },
  { type: 'closing', code: 1011 },
  { type: 'lying' },
  { type: 'answering', accepted: false, message: 'rate-limited: slow down' },
  { type: 'malformed' },
  { type: 'forging', events },
  { type: 'repeating', events, times: 20 },
  { type: 'flooding', events },
  { type: 'challenging', burst: 50 },
  { type: 'oversized', bytes: 4 << 20 },
];
const relays = await Promise.all(kinds.map((kind) => startHostileRelay(kind)));
process.stdout.write(`${JSON.stringify(relays.map(({ url }) => url))}\n`);
process.stdin.on('end', () => process.exit(0));
process.stdin.on('data', () => {
  process.stdout.write(`${JSON.stringify(relays.map(({ counts }) => counts))}\n`);
});
