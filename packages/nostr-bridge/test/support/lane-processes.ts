import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { secretKeySigner } from '../../src/index.ts';

const testing = path.join(import.meta.dirname, '..', '..', '..', '..', 'testing', 'src');
const children = new Set<ChildProcessWithoutNullStreams>();

/** Starts a program of the test equipment. */
export function start(file: string, ...args: readonly string[]): ChildProcessWithoutNullStreams {
  const options = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...options, path.join(testing, file), ...args]);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Ends what was started. */
export function endAll(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** The lines of a process, as they are asked for. */
export function linesOf(child: ChildProcessWithoutNullStreams): () => Promise<string> {
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

/** Starts a hostile relay of every kind; their addresses as JSON. They send what the provider of the bridge follows. */
export async function startHostileRelays(): Promise<string> {
  // The key of the bridge in the other process.
  const { pubkey } = secretKeySigner(new Uint8Array(32).fill(7), {
    next: () => 0.5,
    bytes: (length) => new Uint8Array(length),
  });
  return linesOf(start('nostr/hostile-main.ts', pubkey))();
}
