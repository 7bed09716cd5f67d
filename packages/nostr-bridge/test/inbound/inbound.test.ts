import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { verifyByNoble } from '../../src/inbound/noble-verify.ts';
import {
  BridgeError,
  type BridgeFile,
  Inbound,
  type InboundParts,
  type NostrEvent,
  SeenSet,
  type Verifier,
} from '../../src/index.ts';
import { withFile } from '../support/bridge-file.ts';
import { second, sign } from '../support/events.ts';

/** Checks truly, and says what it was given. */
class SlowVerifier implements Verifier {
  readonly parallel = 1;
  readonly batches: NostrEvent[][] = [];
  #open: (() => void)[] = [];
  isHeld = false;

  async verify(events: readonly NostrEvent[]): Promise<readonly boolean[]> {
    this.batches.push([...events]);
    if (this.isHeld) await new Promise<void>((resolve) => this.#open.push(resolve));
    return events.map(verifyByNoble);
  }

  release(): void {
    this.isHeld = false;
    for (const open of this.#open.splice(0)) open();
  }

  async close(): Promise<void> {}
}

function make(file: BridgeFile, changes: Partial<InboundParts> = {}) {
  const ports = manualPorts({ start: second * 1000 });
  const verifier = new SlowVerifier();
  const accepted: [string, string][] = [];
  const seen = new SeenSet(file, 1_000);
  const accept = (event: NostrEvent, relay: string) => void accepted.push([event.content, relay]);
  const inbound = new Inbound({ file, ports, verifier, seen, accept, ...changes });
  const offer = (value: unknown, relay = 'ws://a') => inbound.offer(relay, value, 100, [{ kinds: [1] }]);
  return { ports, verifier, accepted, seen, inbound, offer };
}
const settle = async (ports: ReturnType<typeof manualPorts>) => {
  for (let turn = 0; turn < 10; turn += 1) await ports.advanceAsync(0);
};

describe('inbound events', () => {
  test('I2 a forged copy poisons nothing: the good one of another relay is taken, and only then are copies duplicates', async () => {
    await withFile(async (file) => {
      const { ports, accepted, inbound, offer } = make(file);
      const event = sign();
      const other = sign({ content: 'other' });
      offer({ ...event, sig: other.sig }, 'ws://evil');
      await settle(ports);
      expect([accepted, inbound.counters['wrong-signature']]).toEqual([[], 1]);
      offer(event, 'ws://good');
      offer(event, 'ws://evil');
      await settle(ports);
      expect(accepted).toEqual([['hello', 'ws://good']]);
      expect(inbound.counters).toMatchObject({ accepted: 1, duplicate: 1 });
      expect(inbound.held()).toBe(0);
    });
  });

  test('I10 a signature that was good is not checked again, and another one of the same event is', async () => {
    await withFile(async (file) => {
      const { ports, verifier, accepted, inbound, offer } = make(file, {
        settings: { knownSignatures: 1, repeats: { perSecond: 1, burst: 3 } },
      });
      const [event, other] = [sign(), sign({ content: 'other' })];
      const checked = () => verifier.batches.flat().length;
      offer(event, 'ws://a');
      await settle(ports);
      expect([offer(event, 'ws://b'), checked(), inbound.counters.duplicate]).toEqual([true, 1, 1]);
      offer({ ...event, sig: other.sig }, 'ws://b');
      await settle(ports);
      expect([checked(), inbound.counters['wrong-signature'], accepted.length]).toEqual([2, 1, 1]);
      // Only the last one is known.
      offer(other);
      await settle(ports);
      offer(event);
      await settle(ports);
      expect([checked(), inbound.counters.known_signatures, accepted.length]).toEqual([4, 1, 2]);
      // One that repeats itself without end is given up, whoever else sends the same.
      expect([1, 2, 3, 4].map(() => offer(event, 'ws://loud'))).toEqual([true, true, true, false]);
      expect([offer(event, 'ws://b'), inbound.held(), checked()]).toEqual([true, 0, 4]);
    });
  });

  test('I10 what several relays send at once is checked once, and every copy is one of its relay', async () => {
    await withFile(async (file) => {
      const { ports, verifier, accepted, inbound, offer } = make(file, {
        settings: { repeats: { perSecond: 1, burst: 3 } },
      });
      verifier.isHeld = true;
      const [event, other] = [sign(), sign({ content: 'other' })];
      offer(event, 'ws://a');
      // The one is being checked, the other waits.
      for (let copy = 0; copy < 5; copy += 1) offer(event, 'ws://b');
      for (const relay of ['ws://c', 'ws://d', 'ws://d']) offer(other, relay);
      offer({ ...other, sig: event.sig }, 'ws://c');
      verifier.release();
      await settle(ports);
      expect(verifier.batches.map((batch) => batch.map(({ id, sig }) => [id, sig]))).toEqual([
        [[event.id, event.sig]],
        [
          [other.id, other.sig],
          [other.id, event.sig],
        ],
      ]);
      expect(accepted).toEqual([
        ['hello', 'ws://a'],
        ['other', 'ws://d'],
      ]);
      // Two copies of `ws://b` were more than it may send.
      expect(inbound.counters).toMatchObject({ duplicate: 5, known_signatures: 7, 'wrong-signature': 1 });
      expect([inbound.held(), offer(event, 'ws://b'), offer(event, 'ws://d')]).toEqual([0, false, true]);
    });
  });

  test('I2 a hidden mark of verification is worth nothing', async () => {
    await withFile(async (file) => {
      const { ports, accepted, offer } = make(file);
      const { finalizeEvent, verifyEvent } = await import('nostr-tools/pure');
      const marked = finalizeEvent(
        { kind: 1, created_at: second, tags: [], content: 'good' },
        new Uint8Array(32).fill(3),
      );
      expect(verifyEvent(marked)).toBe(true);
      // The other library believes its own mark.
      const forged = { ...marked, content: 'evil' };
      expect(verifyEvent(forged)).toBe(true);
      offer(forged);
      await settle(ports);
      expect(accepted).toEqual([]);
    });
  });

  test('I3 memory is bounded: a relay has a share, and using it up costs no other relay anything', async () => {
    await withFile(async (file) => {
      const settings = { maxWaiting: 5, batchSize: 4 };
      const { ports, verifier, accepted, inbound, offer } = make(file, { settings });
      verifier.isHeld = true;
      const answers = Array.from({ length: 7 }, (_, index) => offer(sign({ content: `${index}` }), 'ws://flood'));
      expect(answers).toEqual([true, true, true, true, true, false, false]);
      expect(inbound.held('ws://flood')).toBe(5);
      expect(offer(sign({ content: 'quiet' }), 'ws://quiet')).toBe(true);
      verifier.release();
      await settle(ports);
      // Its turn comes in the batch after the one that was under way.
      expect(verifier.batches[1]?.map(({ content }) => content)).toContain('quiet');
      expect(accepted).toHaveLength(6);
    });
  });

  test('I3 a relay that sends forgeries is one that floods', async () => {
    await withFile(async (file) => {
      const { ports, inbound, offer } = make(file, { settings: { forgeries: { perSecond: 1, burst: 3 } } });
      const event = sign();
      const forge = (content: string) => offer({ ...sign({ content }), sig: event.sig });
      expect([forge('a'), forge('b'), forge('c')]).toEqual([true, true, true]);
      await settle(ports);
      expect([offer(event), offer({ ...event, id: 'f'.repeat(64) }), inbound.counters['wrong-signature']]).toEqual([
        false,
        false,
        3,
      ]);
      expect(offer(event, 'ws://other')).toBe(true);
      await ports.advanceAsync(1_000);
      expect(offer(event)).toBe(true);
    });
  });

  test('I4 what was taken is not taken again after a restart', async () => {
    await withFile(async (file) => {
      const first = make(file);
      first.offer(sign());
      await settle(first.ports);
      const second = make(file);
      second.offer(sign());
      await settle(second.ports);
      expect([first.accepted.length, second.accepted, second.inbound.counters.duplicate]).toEqual([1, [], 1]);
    });
  });

  test('I6 an event that its taker throws at is not remembered and holds up no other', async () => {
    await withFile(async (file) => {
      let isBroken = true;
      const taken: string[] = [];
      const accept = (event: NostrEvent) => {
        if (isBroken && event.content === 'bad') throw new Error('no');
        taken.push(event.content);
      };
      const { ports, seen, inbound, offer } = make(file, { accept });
      offer(sign({ content: 'bad' }));
      offer(sign({ content: 'good' }));
      await settle(ports);
      expect([taken, inbound.counters.accept_failures, seen.size, inbound.held()]).toEqual([['good'], 1, 1, 0]);
      isBroken = false;
      offer(sign({ content: 'bad' }));
      await settle(ports);
      expect(taken).toEqual(['good', 'bad']);
    });
  });

  test('I6 a batch is stored at once; an event of it that its taker throws at is undone alone, with what was written', async () => {
    await withFile(async (file, name) => {
      const other = new Sqlite(name, { readonly: true });
      const seenByOthers = () => other.prepare<[], { n: number }>('select count(*) as n from seen').get()?.n;
      const told: [string, number | undefined][] = [];
      const accept = ({ content }: NostrEvent) => {
        told.push([content, seenByOthers()]);
        file.sqlite.prepare('insert into settings values (?, 1)').run(content);
        if (content === 'bad') throw new Error('no');
      };
      const { ports, verifier, seen, inbound, offer } = make(file, { accept });
      verifier.isHeld = true;
      for (const content of ['a', 'b', 'bad', 'c']) offer(sign({ content }));
      verifier.release();
      await settle(ports);
      // While the later ones are taken, nobody else can see the earlier one of their batch.
      expect([told, seenByOthers()]).toEqual([[['a', 0], ...['b', 'bad', 'c'].map((content) => [content, 1])], 3]);
      expect(file.sqlite.prepare("select name from settings where value = 1 and name in ('a', 'b', 'bad', 'c')").all())
        // The one that failed wrote as well.
        .toEqual(['a', 'b', 'c'].map((content) => ({ name: content })));
      expect([inbound.counters.accepted, inbound.counters.accept_failures, seen.size, inbound.held()]).toEqual([
        3, 1, 3, 0,
      ]);
      other.close();
    });
  });

  test('I6 of a batch that the file refuses, what was stored before is taken once, and what was undone again', async () => {
    await withFile(async (file) => {
      let failing = 'c';
      const taken: string[] = [];
      const accept = ({ content }: NostrEvent) => {
        taken.push(content);
        if (content !== failing) return;
        // As SQLite does by itself when a disk is full at the wrong moment: then nothing of the batch is stored.
        if (content === 'd') file.sqlite.exec('rollback');
        throw new BridgeError('disk_full', 'No room.');
      };
      const { ports, verifier, seen, inbound, offer } = make(file, { accept });
      verifier.isHeld = true;
      for (const content of ['a', 'b', 'c', 'd', 'e']) offer(sign({ content }));
      verifier.release();
      await settle(ports);
      expect([taken.splice(0), seen.size, inbound.counters.accepted, inbound.held()]).toEqual([
        ['a', 'b', 'c'],
        2,
        2,
        3,
      ]);
      failing = 'd';
      await ports.advanceAsync(1_000);
      expect([taken.splice(0), seen.size, inbound.counters.accepted, inbound.held()]).toEqual([['c', 'd'], 2, 2, 3]);
      failing = '';
      await ports.advanceAsync(1_000);
      expect([taken, seen.size, inbound.held()]).toEqual([['c', 'd', 'e'], 5, 0]);
      expect(inbound.counters).toMatchObject({ accepted: 5, accept_failures: 0, store_failures: 2, duplicate: 0 });
    });
  });

  test('I6 while the seen-set cannot be read again after a write that was undone, nothing is stored', async () => {
    await withFile(async (file) => {
      const { ports, accepted, seen, inbound, offer } = make(file);
      const reload = seen.reload.bind(seen);
      let isBroken = true;
      seen.reload = () => {
        if (isBroken) throw new BridgeError('io_error', 'No.');
        reload();
      };
      file.sqlite.pragma('query_only = on');
      offer(sign());
      await settle(ports);
      file.sqlite.pragma('query_only = off');
      await ports.advanceAsync(2_000);
      expect([accepted, inbound.held(), inbound.counters.store_failures]).toEqual([[], 1, 3]);
      isBroken = false;
      await ports.advanceAsync(1_000);
      expect([accepted.length, seen.size, inbound.held()]).toEqual([1, 1, 0]);
    });
  });

  test('I6 a file that refuses loses nothing: what is verified waits, in order, and the shares fill up', async () => {
    await withFile(async (file) => {
      let isFull = true;
      const taken: string[] = [];
      const accept = (event: NostrEvent) => {
        if (isFull) throw new BridgeError('disk_full', 'No room.');
        taken.push(event.content);
      };
      const { ports, inbound, seen, offer } = make(file, { accept, settings: { maxWaiting: 2 } });
      offer(sign({ content: 'a' }));
      offer(sign({ content: 'b' }));
      await settle(ports);
      expect([offer(sign({ content: 'c' })), inbound.counters.store_failures, seen.size]).toEqual([false, 1, 0]);
      await ports.advanceAsync(3_000);
      expect(inbound.counters.store_failures).toBeGreaterThan(2);
      isFull = false;
      await ports.advanceAsync(1_000);
      expect([taken, inbound.held(), inbound.counters.accepted, seen.size]).toEqual([['a', 'b'], 0, 2, 2]);
    });
  });

  test('I6 one that is closed while signatures are checked stores nothing more, and keeps quiet', async () => {
    await withFile(async (file) => {
      const { ports, verifier, accepted, inbound, offer } = make(file);
      verifier.isHeld = true;
      offer(sign());
      offer(sign({ content: 'waiting' }));
      inbound.close();
      file.close();
      verifier.release();
      await settle(ports);
      expect([accepted, offer(sign()), ports.pending]).toEqual([[], false, 0]);
    });
  });

  test('I6 one that is closed in the middle of a batch stores no more of it', async () => {
    await withFile(async (file) => {
      const taken: string[] = [];
      const accept = ({ content }: NostrEvent) => {
        taken.push(content);
        if (content === 'b') made.inbound.close();
      };
      const made = make(file, { accept });
      made.verifier.isHeld = true;
      for (const content of ['a', 'b', 'c']) made.offer(sign({ content }));
      made.verifier.release();
      await settle(made.ports);
      expect([taken, new SeenSet(file, 1_000).size]).toEqual([['a', 'b'], 2]);
    });
  });

  test('I2 a verifier that fails, or answers too little, lets nothing through', async () => {
    await withFile(async (file) => {
      for (const verify of [() => Promise.reject(new Error('no')), async () => []]) {
        const { ports, accepted, inbound, offer } = make(file, {
          verifier: { parallel: 1, verify, close: async () => {} },
        });
        offer(sign());
        await settle(ports);
        expect([accepted, inbound.counters['wrong-signature'], inbound.held()]).toEqual([[], 1, 0]);
      }
    });
  });
});
