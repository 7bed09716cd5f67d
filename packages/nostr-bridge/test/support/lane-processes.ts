import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { secretKeySigner } from '../../src/index.ts';

const testing = path.join(import.meta.dirname, '..', '..', '..', '..', 'testing', 'src');
const children = new Set<ChildProcessWithoutNullStreams>();

/** Starts a program of the test equipment. */
export function start(file: string, ...args: readonly string[]): ChildProcessWithoutNullStreams {
  return run([], file, args);
}

/** As {@link start}, when nobody else wants the processor, as if it were elsewhere. */
function startAside(file: string, ...args: readonly string[]): ChildProcessWithoutNullStreams {
  const aside = 'if chrt -i 0 true 2>/dev/null; then exec chrt -i 0 "$@"; else exec nice -n 19 "$@"; fi';
  return run(['/bin/sh', '-c', aside, 'sh'], file, args);
}

function run(before: readonly string[], file: string, args: readonly string[]): ChildProcessWithoutNullStreams {
  const options = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];
  const [command = '', ...rest] = [...before, process.execPath, ...options, path.join(testing, file), ...args];
  const child = spawn(command, rest);
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
  return linesOf(startAside('nostr/hostile-main.ts', pubkey))();
}
