import type { BindingFacts } from '@autopilot/cutover-flags';
import { moduleSchemaDigest } from '@autopilot/session';
import { type HttpClient, isCodedError } from '@autopilot/sync-contract';
import { httpBaseOf } from './database-uri.ts';
import type { EventSink } from './event-sink.ts';

/** What a probe needs. */
export interface BindingProbeOptions {
  readonly http: HttpClient;
  readonly uri: string;
  readonly database: string;
  readonly ownerToken: () => Promise<string>;
  readonly sink: EventSink;
}

/** Looks whether the database holds the module, which one, and what was negotiated with it. */
export type BindingProbe = () => Promise<BindingFacts>;

/** A probe that reads the schema over HTTP and asks the open connection for its protocol. Never rejects. */
export function createBindingProbe({ http, uri, database, ownerToken, sink }: BindingProbeOptions): BindingProbe {
  const url = `${httpBaseOf(uri)}/v1/database/${encodeURIComponent(database)}/schema?version=10`;

  async function schema(): Promise<string | null> {
    try {
      const headers = { authorization: `Bearer ${await ownerToken()}` };
      const { status, body } = await http({ method: 'GET', url, headers });
      return status === 200 ? moduleSchemaDigest(JSON.parse(body)) : null;
    } catch (error) {
      if (isCodedError(error) || error instanceof Error) return null;
      throw error;
    }
  }

  return async () => {
    const module_schema = await schema();
    const { state, protocol } = sink.status;
    const live = state === 'live';
    return { ok: live && module_schema !== null, module_schema, protocols: live && protocol ? [protocol] : [] };
  };
}
