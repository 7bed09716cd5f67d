import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ControlError } from '../errors.ts';
import { serviceSubjects } from '../subjects.ts';
import { describeIssues } from './describe-issues.ts';
import { isStreamPattern } from './stream-pattern.ts';

/** Scopes that a client can hold: those of the module, `sync.project` for POST /v1/projections, those of the cutover. */
const clientScopes = [
  'sync.subscribe',
  'sync.append',
  'sync.checkpoint.write',
  'sync.presence',
  'sync.admin',
  'sync.bridge',
  'sync.compute',
  'sync.project',
  'cutover.read',
  'cutover.operate',
  'cutover.submit',
] as const;

const clientSchema = z.strictObject({
  // A colon would end the id inside HTTP Basic credentials.
  client_id: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ -'),
  secret_sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lowercase hex digits'),
  // SpacetimeDB takes 1 to 128 bytes.
  subject: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters without spaces'),
  scopes: z.array(z.enum(clientScopes)).readonly(),
  streams: z.array(z.string().refine(isStreamPattern, 'must be a stream id, or a prefix ending in *')).readonly(),
  role: z.enum(['reader', 'writer']),
});

const fileSchema = z.strictObject({ clients: z.array(clientSchema).readonly() });

/** One client of the clients file. */
export type Client = z.infer<typeof clientSchema>;

/**
 * Reads and checks the clients file.
 *
 * @throws {ControlError} `clients_file_invalid` with the path of each wrong field.
 */
export function readClientsFile(path: string): readonly Client[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw refuse(`The clients file ${path} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse(`The clients file ${path} is not JSON.`, cause);
  }
  return parseClients(value, `The clients file ${path}`);
}

/** Checks the value of a clients file; `name` begins the message of a refusal. */
export function parseClients(value: unknown, name = 'The clients file'): readonly Client[] {
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) throw refuse(`${name} is wrong: ${describeIssues(parsed.error)}.`);
  const { clients } = parsed.data;
  for (const field of ['client_id', 'subject'] as const) {
    const seen = new Set<string>(field === 'subject' ? Object.values(serviceSubjects) : [serviceSubjects.bridge]);
    for (const client of clients) {
      const id = client[field];
      if (seen.has(id)) throw refuse(`${name} is wrong: ${field} "${id}" is taken twice, or is control's own.`);
      seen.add(id);
    }
  }
  return clients;
}

function refuse(message: string, cause?: unknown): ControlError {
  return new ControlError('clients_file_invalid', message, cause === undefined ? {} : { cause });
}
