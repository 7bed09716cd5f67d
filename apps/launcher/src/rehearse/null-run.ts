import { type ComparisonPair, createComparator, type ParityWindow } from '@autopilot/cutover-flags/parity';
import { createSession, nodeSocketFactory, type Session } from '@autopilot/session';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import type { Client } from './client.ts';
import type { ControlApi } from './control-api.ts';

/** Two readers of the same lane, compared with each other: the noise that a comparison of the lanes is held to. */
export interface NullRun {
  readonly positions: number;
  close(): Promise<void>;
}

const pair: ComparisonPair = 'spacetime/spacetime';
const everyMs = 1_000;
/** What a desktop of this version says of itself when it asks for a token. */
const build = { client_build_id: '20261122T000000Z', protocol_version: 'spacetime.sync.v1', schema_version: 1 };

/** Starts both readers; windows go to control as those of the unit `null-run`. */
export function startNullRun(api: ControlApi, client: Client): NullRun {
  const comparator = createComparator({ pair, ports: systemPorts, tolerance_ms: 10_000 });
  const sessions = (['left', 'right'] as const).map((side): Session => {
    const session = createSession({
      ports: systemPorts,
      socket: nodeSocketFactory,
      http: systemHttp,
      clientId: `null-run-${side}`,
      readMode: 'confirmed',
      readOnly: true,
      followGranted: true,
      token: async () => {
        const { status, body } = await api.ask(client, 'POST', '/v1/sync/token', build);
        if (status !== 200) throw new Error(`control answered ${status} to the token request`);
        const ms = (seconds: number) => seconds * 1000;
        const times = { expires_at: ms(body.expires_at), refresh_after: ms(body.refresh_after) };
        return { token: body.token, uri: body.uri, database: body.database, identity: body.identity, ...times };
      },
    });
    session.onGrants(({ added }) => {
      for (const { stream_id } of added) {
        comparator.begin(side, stream_id, null);
        session.follow(stream_id, null);
      }
    });
    session.listen((signal) => {
      if (signal.type === 'batch') for (const event of signal.events) comparator.offer(side, event);
    });
    session.start();
    return session;
  });
  let positions = 0;
  let sending: Promise<unknown> = Promise.resolve();
  const untold: ParityWindow[] = [];
  const timer = setInterval(() => {
    const window = comparator.takeWindow();
    if (window.positions > 0) untold.push(window);
    sending = sending.then(tell).catch(() => {});
  }, everyMs);

  async function tell(): Promise<void> {
    for (let next = untold[0]; next !== undefined; next = untold[0]) {
      const { status } = await api.ask(client, 'POST', '/v1/cutover/parity', { unit: 'null-run', window: next });
      if (status !== 202) throw new Error(`control answered ${status} to a window`);
      positions += next.positions;
      untold.shift();
    }
  }

  return {
    get positions() {
      return positions;
    },
    async close() {
      clearInterval(timer);
      await sending;
      for (const session of sessions) await session.close();
      comparator.close();
    },
  };
}
