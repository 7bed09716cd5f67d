// Whatever happens to a bridge, or its relays do to it, the owner's stream is stored whole, once and in order. A lane from
// end to end runs in a process of its own, with the bridge in a thread of it. How late its events are is measured there,
// and judged by nobody yet.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { secretKeySigner } from '../../src/index.ts';
import { withFolder } from '../support/bridge-file.ts';

// A lane, and for every block of events a bridge, is started.
jest.setTimeout(120_000);

const testing = path.join(import.meta.dirname, '..', '..', '..', '..', 'testing', 'src');
const children = new Set<ChildProcessWithoutNullStreams>();
let relays = '';

beforeAll(async () => {
  // The key of the bridge in the other process: relays send what its provider follows.
  const { pubkey } = secretKeySigner(new Uint8Array(32).fill(7), {
    next: () => 0.5,
    bytes: (length) => new Uint8Array(length),
  });
  relays = await linesOf(start('nostr/hostile-main.ts', pubkey))();
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

function start(file: string, ...args: readonly string[]): ChildProcessWithoutNullStreams {
  const options = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...options, path.join(testing, file), ...args]);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** The lines of a process, as they are asked for. */
function linesOf(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done !== true) return value;
    throw new Error(`The process has ended: ${said.slice(-2_000)}`);
  };
}

async function judged(line: Promise<string>) {
  const report = JSON.parse(await line);
  const { published } = report.outcome;
  expect(report.outcome).toEqual({ published, stored: published, repeated: 0, gaps: 0, chainsAgree: true });
  expect(published).toBeGreaterThanOrEqual(300);
  return report;
}

describe('nothing is lost', () => {
  const faults = ['hostile', 'hangs', 'grows beside it', 'dies later', 'dies at its start', 'full'];
  let next: () => Promise<string>;
  let done: () => void = () => {};
  let folderIsGone: Promise<void>;

  beforeAll(() => {
    // All of them beside one lane, one after the other.
    const isDone = new Promise<void>((resolve) => {
      done = resolve;
    });
    folderIsGone = withFolder(async (folder) => {
      next = linesOf(start('bridge-isolation/main.ts', folder, faults.join(), relays));
      await isDone;
    });
  });
  afterAll(async () => {
    done();
    await folderIsGone;
  });

  test.each(faults)('T7 with a bridge that meets: %s', async (fault) => {
    const { seen, bridge } = await judged(next());
    if (fault === 'hostile') {
      // Its relays were at it, and it was at work.
      expect(seen.losses).toBeGreaterThan(0);
      expect(seen.mirrored).toBeGreaterThan(0);
      expect(bridge.ended_here).toBe(0);
    } else if (fault === 'full') expect(seen.failures).toBeGreaterThan(0);
    else expect(bridge.starts).toBeGreaterThanOrEqual(2);
  });
});
