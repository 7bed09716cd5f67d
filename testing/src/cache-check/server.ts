import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { type Child, startChild } from './child.ts';
import { CacheCheckError } from './errors.ts';
import { type Database, mintToken, publish, refuseTaken } from './http-api.ts';

/** The server under the check. */
export interface CheckedServer {
  readonly database: Database;
  /** Undefined when somebody else started it: then it is neither killed nor stopped. */
  readonly process: OwnServer | undefined;
}

/** A server that the check has started. */
export interface OwnServer {
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** Starts it again, over the same data and on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
  resume(): void;
  /** Why it ended by itself; undefined while it runs, or was killed. */
  failure(): string | undefined;
}

const entry = join(import.meta.dirname, '..', '..', '..', 'packages', 'spacetime-embedded', 'src', 'main.ts');
const preload = join(import.meta.dirname, 'end-with-parent.mjs');
const readyWithinMs = 60_000;

/** Starts the embedded host over an empty folder and publishes a module there, as one publishes any. */
export async function startEmbeddedServer(dataDir: string, name: string, bundle: Uint8Array): Promise<CheckedServer> {
  const port = await freePort();
  let child: Child;
  let isKilled = false;
  let failed: string | undefined;
  const start = async (): Promise<void> => {
    isKilled = false;
    let ready: (line: string) => void = () => {};
    const line = new Promise<string>((resolve) => {
      ready = resolve;
    });
    const args = ['--database', name, '--listen', `127.0.0.1:${port}`, '--data-dir', dataDir, '--ready-json'];
    child = startChild('server', entry, args, (text) => ready(text), [`--import=${preload}`]);
    const started = child;
    void started.ended.then(({ code, signal }) => {
      if (!isKilled) failed ??= `ended with ${signal ?? code}: ${started.tail()}`;
    });
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), readyWithinMs).unref());
    const first = await Promise.race([line, started.ended.then(() => undefined), late]);
    if (first !== undefined) return;
    await started.kill();
    throw new CacheCheckError('process_failed', `The embedded host did not start: ${started.tail()}`);
  };
  await start();
  const token = readFileSync(join(dataDir, 'owner.token'), 'utf8').trim();
  const database = { url: `http://127.0.0.1:${port}`, name, token };
  const own: OwnServer = {
    start,
    async kill() {
      isKilled = true;
      await child.kill();
    },
    stop: () => child.stop(),
    resume: () => child.resume(),
    failure: () => failed,
  };
  try {
    await publish(database, bundle);
  } catch (error) {
    await own.kill();
    throw error;
  }
  return { database, process: own };
}

/** Makes a database of its own on a server that runs already. */
export async function useServer(
  url: string,
  name: string,
  tokenFile: string | undefined,
  bundle: Uint8Array,
): Promise<CheckedServer> {
  const base = url.replace(/\/+$/, '');
  await refuseTaken({ url: base, name });
  const database = { url: base, name, token: tokenFile === undefined ? await mintToken(base) : readToken(tokenFile) };
  await publish(database, bundle);
  return { database, process: undefined };
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new CacheCheckError('usage', `The token file ${path} cannot be read.`, { cause });
  }
}
