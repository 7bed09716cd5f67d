import { createBindingProbe } from './binding-probe.ts';
import { createDatabaseAdmin } from './database-admin.ts';
import type { OpenGateway } from './database-gateway.ts';
import { createSessionSink } from './session-sink.ts';

/** The real gateway: HTTP for the owner, a websocket session for the writer. */
export const openSpacetimeGateway: OpenGateway = (options) => {
  const sink = createSessionSink(options);
  return { admin: createDatabaseAdmin(options), sink, probe: createBindingProbe({ ...options, sink }) };
};
