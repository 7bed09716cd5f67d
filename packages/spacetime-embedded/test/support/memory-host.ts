import { identityOf } from '../../src/auth/identity.ts';
import { type EmbeddedHost, type StartEmbeddedOptions, startEmbedded } from '../../src/start-embedded.ts';
import { inboxModule } from './inbox-module.ts';
import { MemoryDatabase, type MemorySpec } from './memory-database.ts';

export interface MemoryHost extends EmbeddedHost {
  readonly engine: MemoryDatabase;
  /** What the host reported as a fault of its own. */
  readonly errors: readonly unknown[];
}

/** A host on the small engine; owned by nobody's token unless an owner is given. */
export async function startMemoryHost(
  options: Partial<StartEmbeddedOptions> & { readonly spec?: MemorySpec } = {},
): Promise<MemoryHost> {
  const { spec = inboxModule, ...rest } = options;
  const owner = options.owner ?? identityOf('test', 'owner');
  const engine = new MemoryDatabase(owner, spec);
  const errors: unknown[] = [];
  const host = await startEmbedded({
    module: new Uint8Array(),
    database: 'test-db',
    owner,
    listen: '127.0.0.1:0',
    openEngine: () => Promise.resolve(engine),
    onError: (error) => errors.push(error),
    ...rest,
  });
  const extras = { engine: { value: engine }, errors: { value: errors } };
  return Object.defineProperties(host, extras) as MemoryHost;
}
