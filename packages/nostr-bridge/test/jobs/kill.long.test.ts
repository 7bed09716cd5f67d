// A customer written with another library, two relays, and a provider that is killed at every state of the job.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { waitFor } from '@autopilot/testing';
import { type Relay, startRelay } from '@autopilot/testing/nostr';
import { describe, expect, test } from '@jest/globals';
import { decrypt, encrypt, getConversationKey } from 'nostr-tools/nip44';
import { SimplePool, useWebSocketImplementation } from 'nostr-tools/pool';
import { finalizeEvent, verifyEvent } from 'nostr-tools/pure';
import { WebSocket } from 'ws';
import { withFolder } from '../support/bridge-file.ts';
import { bob, keyOf } from '../support/events.ts';

useWebSocketImplementation(WebSocket);
const states = ['offered', 'quoted', 'paid', 'processing', 'partial', 'done'];
const points = states.flatMap((state) => [`before ${state}`, `after ${state}`]);

/** Starts lives of the provider until one of them is not killed any more. */
function keepAlive(folder: string, urls: readonly string[]): { lives: () => number; stop: () => Promise<void> } {
  const script = path.join(import.meta.dirname, 'provider-child.ts');
  let isStopped = false;
  let lives = 0;
  let end = () => {};
  const running = (async () => {
    while (!isStopped) {
      const flags = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];
      const child = spawn(process.execPath, [...flags, script, folder, ...urls], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      end = () => child.kill('SIGKILL');
      lives += 1;
      await once(child, 'close');
    }
  })();
  return {
    lives: () => lives,
    stop: async () => {
      isStopped = true;
      end();
      await running;
    },
  };
}

const stored = (relay: Relay, kind: number) => relay.stored().filter((event) => event.kind === kind);

describe('a job over Nostr', () => {
  test.each([
    ['encrypted', points],
    ['open', ['before processing', 'after partial', 'before done']],
  ])(
    'J3 J5 a provider that is killed before and after every state gives exactly one result (%s)',
    async (how, killedAt) => {
      const relays = [await startRelay(), await startRelay()];
      const urls = relays.map(({ url }) => url);
      const pool = new SimplePool();
      await withFolder(async (folder) => {
        // Each death leaves a mark, and happens once: it does not where there is a mark already.
        for (const point of points)
          if (!killedAt.includes(point)) fs.writeFileSync(path.join(folder, `killed ${point}`), '');
        const provider = keepAlive(folder, urls);
        try {
          const customer = keyOf('customer');
          const secret = [
            ['i', 'what is up', 'text'],
            ['param', 'model', 'small'],
          ];
          const open = [
            ['p', bob.pubkey],
            ['relays', ...urls],
          ];
          const conversation = getConversationKey(customer, bob.pubkey);
          const isEncrypted = how === 'encrypted';
          const request = finalizeEvent(
            {
              kind: 5_050,
              created_at: Math.floor(Date.now() / 1000),
              tags: isEncrypted ? [...open, ['encrypted']] : [...secret, ...open],
              content: isEncrypted ? encrypt(JSON.stringify(secret), conversation) : '',
            },
            customer,
          );
          await Promise.all(pool.publish(urls, request));
          const status = (name: string) =>
            stored(relays[0] as Relay, 7_000).filter(({ tags }) =>
              tags.some(([tag, value]) => tag === 'status' && value === name),
            );
          await waitFor(() => status('payment-required').length > 0, { describe: 'a quote', timeoutMs: 60_000 });
          const [quote] = status('payment-required');
          expect(quote?.tags).toContainEqual(['amount', '21000', 'lnbc1invoice']);
          fs.writeFileSync(path.join(folder, 'paid'), '');
          const isOver = () =>
            points.every((point) => fs.existsSync(path.join(folder, `killed ${point}`))) &&
            relays.every((relay) => stored(relay, 6_050).length > 0);
          await waitFor(isOver, {
            describe: () =>
              `${fs.readdirSync(folder)} ${relays.map((relay) => stored(relay, 6_050).length)} ${provider.lives()}`,
            timeoutMs: 60_000,
          });
          // A last life that finds nothing left to do.
          const lives = provider.lives();
          expect(lives).toBeGreaterThan(killedAt.length);
          const results = await pool.querySync(urls, { kinds: [6_050], '#e': [request.id] });
          expect(new Set(results.map(({ id }) => id)).size).toBe(1);
          for (const relay of relays) expect(stored(relay, 6_050)).toHaveLength(1);
          const [result] = results;
          expect(verifyEvent(JSON.parse(JSON.stringify(result)))).toBe(true);
          const text = isEncrypted ? decrypt(result?.content ?? '', conversation) : (result?.content ?? '');
          expect(JSON.parse(text)).toEqual({
            inputs: [{ data: 'what is up', type: 'text', relay: '', marker: '' }],
            params: [['model', 'small']],
          });
          expect(JSON.parse(result?.tags.find(([tag]) => tag === 'request')?.[1] ?? '')).toMatchObject({
            id: request.id,
          });
          // Each thing was said once, although the work itself was begun more than once.
          expect(['payment-required', 'processing', 'error'].map((name) => status(name).length)).toEqual([1, 1, 0]);
          expect(fs.readFileSync(path.join(folder, 'runs'), 'utf8').split('\n').length).toBeGreaterThan(2);
        } finally {
          await provider.stop();
        }
      });
      pool.destroy();
      for (const relay of relays) await relay.close();
    },
    240_000,
  );
});
