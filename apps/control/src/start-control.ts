import { bridgeClient } from './bridge/bridge-client.ts';
import { startBridge } from './bridge/bridge-host.ts';
import { createClientRegistry } from './config/client-registry.ts';
import { createContext } from './create-context.ts';
import { ControlError } from './errors.ts';
import { createServer, listen } from './http/server.ts';
import { lockIssuer } from './issuer/issuer-lock.ts';
import { openKeyRing } from './issuer/key-ring.ts';
import { defaultRotation } from './issuer/key-rotation.ts';
import { loadKhala } from './mirror/load-khala.ts';
import { defaultMirrorLimits } from './mirror/mirror-writer.ts';
import { timedHttp } from './mirror/timed-http.ts';
import type { ControlOptions } from './options.ts';
import { repeat } from './repeat.ts';
import { prepareDatabase } from './spacetime/prepare-database.ts';
import { createAudit } from './store/audit.ts';
import { defaultRetention, sweepStore } from './store/housekeeping.ts';
import { openStore } from './store/open-store.ts';
import { storedNow } from './store/stored-time.ts';

export type { ControlOptions } from './options.ts';

/** A running control service. */
export interface ControlHandle {
  /** Where it listens, which need not be the issuer URL. */
  readonly url: string;
  /** Makes the next signing key the current one; `rotation_too_early` before it has been published long enough. */
  rotateKeys(): Promise<void>;
  /** Stops accepting and sending, and resolves when nothing of it is left running. */
  close(): Promise<void>;
}

/**
 * Starts control: store, keys, HTTP, then the database, which fetches control's discovery document to check the very
 * token that configures it. Resolves when the database is configured.
 *
 * @throws {ControlError} with nothing left running.
 */
export async function startControl(options: ControlOptions): Promise<ControlHandle> {
  const { clock, scheduler } = options.ports;
  const log = options.logger;
  const undo: (() => Promise<void> | void)[] = [];
  const aborted = new AbortController();
  let closing: Promise<void> | undefined;
  const close = () => {
    aborted.abort();
    closing ??= runBackwards(undo);
    return closing;
  };
  try {
    const store = await openStore({ dataDir: options.dataDir, url: options.store });
    undo.push(() => store.close());
    await lockIssuer(store, options.issuer);
    const keys = await openKeyRing(store, clock, options.rotation ?? defaultRotation);
    const audit = createAudit(store, clock);
    const own = options.bridge === undefined ? undefined : bridgeClient(options.ports.random);
    const clients = createClientRegistry(
      [...options.clients, ...(own === undefined ? [] : [own.client])],
      options.issuer,
    );
    const khala = await openKhala(options);
    const { context, admin } = await createContext({ options, store, keys, audit, clients, khala });

    const failed = (error: unknown) => log.error({ err: error }, 'housekeeping failed');
    const maintainKeys = async () => {
      if ((await keys.maintain()) === 'rotated') {
        log.info({ kid: keys.signer.kid }, 'signing key rotated');
        await audit({ event: 'key.rotated', reason: 'due', details: { kid: keys.signer.kid } });
      }
    };
    undo.push(repeat(scheduler, 60_000, maintainKeys, failed));
    const sweep = () => sweepStore(store, options.retention ?? defaultRetention, storedNow(clock));
    undo.push(repeat(scheduler, 3_600_000, sweep, failed));

    const app = createServer(context, log, scheduler, options.console);
    undo.push(() => app.close());
    const url = await listen(app, options.host, options.port);
    log.info({ url, issuer: options.issuer }, 'control listens');

    await prepareDatabase({
      admin,
      issuer: options.issuer,
      audience: context.audience,
      bundle: options.bundle,
      clock,
      scheduler,
      patience: options.databasePatience ?? 60_000,
      pause: 500,
      signal: AbortSignal.any([aborted.signal, ...(options.signal === undefined ? [] : [options.signal])]),
      waiting: (error) => log.warn({ code: error.code, reason: error.message }, 'waiting for the database'),
    });
    log.info({ spacetime: options.spacetime, database: options.database }, 'database configured');

    const { mirror, service, sink, writer } = context;
    undo.push(() => mirror.stop());
    mirror.start();
    undo.push(() => service.stop());
    service.start();
    undo.push(async () => {
      const stopped = writer.stop();
      await sink.close();
      await stopped;
    });
    sink.start();
    writer.start();
    // The last of all: everything else works without it.
    if (options.bridge !== undefined && own !== undefined) {
      const { bridge: config, dataDir, ports, bridgeSettings } = options;
      const { window } = context;
      const bridge = (options.openBridge ?? startBridge)({
        ...{ config, dataDir, control: url, secret: own.secret, window, ports, logger: log },
        ...bridgeSettings,
      });
      context.bridge = bridge;
      undo.push(() => bridge.close());
    }
    return {
      url,
      async rotateKeys() {
        await keys.rotate();
        await audit({ event: 'key.rotated', reason: 'asked', details: { kid: keys.signer.kid } });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error instanceof ControlError
      ? error
      : new ControlError('internal', 'Control cannot start.', { cause: error });
  }
}

/** Khala as the mirror needs it, each request of it bounded in time; undefined where none is wanted. */
async function openKhala({ khala, http, ports, openKhala: open, mirror }: ControlOptions) {
  if (khala === undefined) return undefined;
  const timed = timedHttp(http, ports.scheduler, mirror?.call ?? defaultMirrorLimits.call);
  return (open ?? loadKhala)({ url: khala.url.replace(/\/+$/, ''), secret: khala.secret, http: timed, ports });
}

/** Undoes everything in the opposite order, also when one step fails; the first failure is thrown at the end. */
async function runBackwards(steps: readonly (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps.toReversed()) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
