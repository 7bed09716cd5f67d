// The real clock, chance, timers and HTTP of a Node process. The only file of the packages that touches those globals:
// everything else takes ports, and entry points hand these in.
import { randomBytes } from 'node:crypto';
import type { Clock, HttpClient, Ports, Random, Scheduler } from './ports.ts';

const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

const systemRandom: Random = {
  // 48 random bits: more than any jitter or seed needs, and exact in a number.
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (length) => new Uint8Array(randomBytes(length)),
};

/** The longest delay that Node's timers take. */
const longestTimer = 2 ** 31 - 1;

const systemScheduler: Scheduler = {
  after(milliseconds, task) {
    let timer: NodeJS.Timeout;
    const wait = (rest: number): void => {
      // Node fires a longer timer at once: wait in steps.
      timer = setTimeout(
        () => (rest > longestTimer ? wait(rest - longestTimer) : task()),
        Math.min(Math.max(0, rest), longestTimer),
      );
    };
    wait(milliseconds);
    return () => clearTimeout(timer);
  },
};

/** The ports of this process. */
export const systemPorts: Ports = { clock: systemClock, random: systemRandom, scheduler: systemScheduler };

/** HTTP by Node's own fetch. Redirects are not followed: a token must not travel to another host. */
export const systemHttp: HttpClient = async (request) => {
  const response = await fetch(request.url, {
    method: request.method,
    redirect: 'manual',
    ...(request.headers === undefined ? {} : { headers: request.headers }),
    ...(request.body === undefined ? {} : { body: request.body as NonNullable<RequestInit['body']> }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
};
