import './browser-window.ts';
import { waitFor } from '@autopilot/testing';
import { jest } from '@jest/globals';
import { createElement, useMemo } from 'react';
import { createRoot } from 'react-dom/client';
import {
  DbConnectionBuilder,
  DbConnectionImpl,
  makeQueryBuilder,
  reducerSchema,
  reducers,
  SubscriptionBuilderImpl,
  schema,
  setGlobalLogLevel,
  t,
  table,
} from 'spacetimedb';
import { SpacetimeDBProvider, useReducer, useSpacetimeDB, useTable } from 'spacetimedb/react';
import { browserWindow } from './browser-window.ts';

// Attempts that fail are part of these tests; there is no name for a level below `error`.
setGlobalLogLevel('none' as never);

// What `spacetime generate` would write for fixtures/chat.ts.
const options = (name: string) => ({ name, indexes: [], constraints: [] }) as never;
const tables = schema({
  user: table(
    options('user'),
    t.row({ identity: t.identity().primaryKey(), name: t.option(t.string()), online: t.bool() }),
  ),
  message: table(options('message'), t.row({ id: t.u64().primaryKey(), sender: t.identity(), text: t.string() })),
});
const calls = reducers(reducerSchema('say', { text: t.string() }), reducerSchema('unsay', { text: t.string() }));
const queries = makeQueryBuilder(tables.schemaType as unknown as Parameters<typeof makeQueryBuilder>[0]);

type Config = ConstructorParameters<typeof DbConnectionImpl>[0];
const remoteModule = {
  versionInfo: { cliVersion: '2.10.1' },
  tables: tables.schemaType.tables,
  reducers: calls.reducersType.reducers,
  procedures: [],
} as unknown as Config['remoteModule'];

class DbConnection extends DbConnectionImpl<Config['remoteModule']> {
  override subscriptionBuilder = (): SubscriptionBuilderImpl<Config['remoteModule']> =>
    new SubscriptionBuilderImpl(this);
}

/** What a page shows at one moment. */
export interface Shown {
  readonly isActive: boolean;
  readonly error: string | undefined;
  /** Hex; whom the page takes itself for. */
  readonly identity: string | undefined;
  /** Whether the subscription of its table stands. */
  readonly isReady: boolean;
  readonly texts: readonly string[];
}

/** A page of React that shows the messages of a chat by `useTable`, under the provider of the official package. */
export class Page {
  /** What was shown, the newest last. */
  readonly history: Shown[] = [];
  /** What the hook of the table has told: `+text` and `-text`. */
  readonly changes: string[] = [];
  /** The delays in milliseconds after which the provider wanted to connect again; each passes in no time... */
  readonly delays: number[] = [];
  /** ...unless this is set: then it does not pass at all. */
  holdDelays = false;
  private readonly container = browserWindow.document.createElement('div');
  private readonly root;
  private readonly restore: () => void;
  private failure: unknown;
  private call: ((args: { text: string }) => Promise<void>) | undefined;

  /** Mounts it in the window, on a database of a host. */
  constructor(url: string, database: string) {
    this.restore = this.watchTimers();
    browserWindow.document.body.append(this.container);
    this.root = createRoot(this.container as unknown as Parameters<typeof createRoot>[0], {
      onUncaughtError: (error) => {
        this.failure = error;
      },
    });
    const Chat = () => this.chat();
    const Site = () => {
      const connectionBuilder = useMemo(() => builderOf(url, database), []);
      return createElement(SpacetimeDBProvider, { connectionBuilder: connectionBuilder as never }, createElement(Chat));
    };
    this.root.render(createElement(Site));
  }

  /** Calls a reducer as the page does. */
  say(text: string): Promise<void> {
    return this.call?.({ text }) ?? Promise.reject(new Error('The page has not been shown yet.'));
  }

  /** Waits until the page shows it. */
  async shows(wanted: Partial<Shown>): Promise<void> {
    const expected = JSON.stringify(wanted);
    const isShown = () => {
      if (this.failure !== undefined) throw this.failure;
      const last = this.history.at(-1) as Record<string, unknown> | undefined;
      const picked = Object.fromEntries(Object.keys(wanted).map((name) => [name, last?.[name]]));
      const isInPage = wanted.texts === undefined || this.container.textContent === wanted.texts.join(' ');
      return isInPage && JSON.stringify(picked) === expected;
    };
    await waitFor(isShown, {
      describe: () => `the page to show ${expected}, not ${JSON.stringify(this.history.at(-1))}`,
    });
  }

  /** What a browser does when somebody comes back to the page. */
  focus(): void {
    browserWindow.dispatchEvent(new browserWindow.Event('focus'));
  }

  async unmount(): Promise<void> {
    this.root.unmount();
    // The provider lets go of its connection a moment later.
    await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 0)));
    this.restore();
    this.container.remove();
  }

  private chat(): ReturnType<typeof createElement> {
    const { isActive, identity, connectionError } = useSpacetimeDB();
    const callbacks = useMemo(
      () => ({
        onInsert: (row: unknown) => void this.changes.push(`+${textOf(row)}`),
        onDelete: (row: unknown) => void this.changes.push(`-${textOf(row)}`),
      }),
      [],
    );
    const [rows, isReady] = useTable(queries.message as never, callbacks);
    this.call = useReducer(calls.reducersType.reducers[0] as never) as never;
    const texts = rows.map(textOf).sort();
    this.history.push({
      isActive,
      error: connectionError?.message,
      identity: identity?.toHexString(),
      isReady,
      texts,
    });
    return createElement('p', undefined, texts.join(' '));
  }

  private watchTimers(): () => void {
    const systemTimeout = globalThis.setTimeout;
    const watched = (run: () => void, delay = 0) => {
      if (!new Error().stack?.includes('cheduleReconnect')) return systemTimeout(run, delay);
      this.delays.push(delay);
      return systemTimeout(run, this.holdDelays ? 2 ** 30 : 20);
    };
    const spy = jest.spyOn(globalThis, 'setTimeout').mockImplementation(watched as typeof setTimeout);
    return () => spy.mockRestore();
  }
}

function builderOf(url: string, database: string) {
  return new DbConnectionBuilder(remoteModule, (config) => new DbConnection(config as Config))
    .withUri(url)
    .withDatabaseName(database)
    .withCompression('none');
}

function textOf(row: unknown): string {
  return (row as { readonly text: string }).text;
}
