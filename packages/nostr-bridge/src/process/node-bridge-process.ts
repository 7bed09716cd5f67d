import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SpawnBridge } from './bridge-process.ts';
import type { FromBridge } from './messages.ts';
import { checkShare } from './processor-share.ts';

/** What the process is told before anything else. */
export interface FirstMessage {
  readonly data: unknown;
  readonly share: number;
}

/** A process of Node that serves a bridge. */
export interface NodeBridgeOptions {
  /** A module that calls `serveBridge` with what `nodeBridgeOwner` gives it. */
  readonly script: URL;
  /** What it gets: plain data. It is in no argument and in no environment, so it may hold a secret. */
  readonly data?: unknown;
  /** What its heap may take, in MiB; beyond it the process dies. */
  readonly heapMegabytes?: number;
  /** Options of Node for it; those of this process by default. */
  readonly execArgv?: readonly string[];
  /** Of one processor, once the bridge is open; a tenth by default. 1 is all of it. */
  readonly share?: number;
  /** Where what was compiled is kept for the next start, which then takes half the processor time; nowhere by default. */
  readonly cacheFolder?: string;
}

/**
 * A tenth of what the owner gets where both want the processor: not the policy for idle times, under which a bridge on a busy
 * machine would not even start. All threads of the process get it, those of the garbage collector included, and its
 * process id stays as it is.
 */
const yieldingToOthers = 'exec nice -n 10 "$@"';

/** Of one processor. */
const defaultShare = 0.1;

/** Of what the process writes about its end. */
const keptCharacters = 4_000;

/**
 * Spawns processes of Node with a bounded heap and a lower priority (not on Windows). They
 * do not keep this process alive, and end with it.
 *
 * @throws {BridgeError} `invalid_option`
 */
export function nodeBridgeProcess({
  script,
  data,
  heapMegabytes = 128,
  execArgv = process.execArgv,
  share = defaultShare,
  cacheFolder,
}: NodeBridgeOptions): SpawnBridge {
  checkShare(share);
  // Young objects in a part of it; without helpers, which would run beside whoever wants the processor.
  const options = [
    ...execArgv,
    `--max-old-space-size=${heapMegabytes}`,
    '--max-semi-space-size=8',
    '--single-threaded',
  ];
  return ({ said, ended }) => {
    const child = fork(fileURLToPath(script), [String(process.pid)], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...(cacheFolder === undefined ? {} : { NODE_COMPILE_CACHE: cacheFolder }) },
      ...(process.platform === 'win32'
        ? { execArgv: options }
        : { execPath: '/bin/sh', execArgv: ['-c', yieldingToOthers, 'sh', process.execPath, ...options] }),
    });
    child.unref();
    child.channel?.unref();
    let written = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      written = `${written}${text}`.slice(-keptCharacters);
    });
    let isOver = false;
    const finish = (reason: string) => {
      if (isOver) return;
      isOver = true;
      ended(reason);
    };
    child.on('message', (message) => said(message as FromBridge));
    child.on('error', (error) => {
      // Also of a message that could not be sent; then `close` follows.
      if (child.pid === undefined) finish(error.message);
    });
    child.on('close', (code, signal) => finish(reasonIn(written) ?? `The process ended with ${signal ?? code}.`));
    const send = (message: unknown) => {
      if (child.connected) child.send(message as object, () => {});
    };
    send({ data, share } satisfies FirstMessage);
    return {
      send,
      terminate: async () => {
        child.kill('SIGKILL');
      },
    };
  };
}

/** What of the last words of a process says why it ended. */
function reasonIn(written: string): string | undefined {
  return written
    .split('\n')
    .find((line) => /^(Uncaught )?[\w. ]*error\b/i.test(line) || line.startsWith('FATAL ERROR'));
}
