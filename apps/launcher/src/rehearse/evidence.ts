import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from './client.ts';
import type { ControlApi } from './control-api.ts';
import type { UnitReport } from './fleet.ts';
import { RehearsalError } from './rehearsal-error.ts';
import type { StreamSide } from '../verify.ts';

export interface EvidenceOptions {
  readonly api: ControlApi;
  readonly reader: Client;
  readonly out: string;
}

/** Collects the policies that were in force, one file for each revision. */
export interface PolicyCollector {
  collect(): Promise<void>;
  readonly count: number;
}

export function createPolicyCollector({ api, out }: EvidenceOptions, unit: Client): PolicyCollector {
  let last = -1;
  let count = 0;
  return {
    async collect() {
      const { status, body } = await api.ask(unit, 'GET', '/v1/cutover/policy');
      if (status !== 200 || body.policy_revision === last) return;
      last = body.policy_revision;
      count += 1;
      mkdirSync(path.join(out, 'policies'), { recursive: true });
      writeFileSync(path.join(out, 'policies', `revision-${last}.jws`), `${body.policy}\n`);
    },
    get count() {
      return count;
    },
  };
}

/** Writes what is left of the evidence: the bundle of the seal, audit, keys, gates, parity, chains. */
export async function writeEvidence(
  { api, reader, out }: EvidenceOptions,
  units: readonly UnitReport[],
  heads: readonly StreamSide[],
): Promise<{ readonly audit_records: number; readonly files: readonly string[] }> {
  const files: string[] = [];
  const write = (name: string, text: string) => {
    writeFileSync(path.join(out, name), text.endsWith('\n') ? text : `${text}\n`);
    files.push(name);
  };
  const get = async (route: string) => {
    const answer = await api.ask(reader, 'GET', route);
    if (answer.status !== 200) throw new RehearsalError(`GET ${route} was answered with ${answer.status}.`);
    return answer;
  };
  mkdirSync(out, { recursive: true });
  // The bundle alone, without the keys that control believes: who verifies it chooses those.
  write('evidence.json', JSON.stringify((await get('/v1/cutover/evidence?to=sealed')).body.bundle));
  write('keys.json', (await get('/v1/cutover/evidence/keys')).text);
  write('jwks.json', (await get('/.well-known/jwks.json')).text);
  write('audit.ndjson', (await get('/v1/cutover/audit/export')).text);
  write('gates.json', (await get('/v1/cutover/gates')).text);
  write('status.json', (await get('/v1/cutover/status')).text);
  for (const pair of ['khala/spacetime', 'spacetime/spacetime'] as const) {
    const { text } = await get(`/v1/cutover/parity?pair=${encodeURIComponent(pair)}&since=0`);
    write(`parity-${pair.replace('/', '-')}.json`, text);
  }
  const chains = {
    published: heads.map(({ stream_id, count, chain }) => ({ stream_id, seq: count.toString(), chain })),
    units: units.map(({ unit, kind, applied, streams }) => ({
      ...{ unit, kind, applied },
      streams: [...streams].map(([stream_id, { seq, chain }]) => ({ stream_id, seq: seq.toString(), chain })),
    })),
  };
  write('chains.json', JSON.stringify(chains));
  const verdict = (await get('/v1/cutover/audit/verify')).body;
  if (verdict.ok !== true) throw new RehearsalError(`The audit does not verify: ${verdict.reason}`);
  return { audit_records: verdict.records, files };
}
