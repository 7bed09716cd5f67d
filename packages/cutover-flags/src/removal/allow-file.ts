import { z } from 'zod';
import { RemovalError } from './errors.ts';
import type { Finding } from './finding.ts';
import { pathPattern } from './glob.ts';

/** What an allowance may excuse. An import, a manifest, a lockfile and a leftover are the lane itself: never. */
export const allowableKinds = ['document', 'toggle', 'config', 'endpoint', 'bundle'] as const;

/** Lets a file name the lane for a time. */
export interface Allowance {
  /** Path pattern: `**` any folders, `*` inside one name. */
  readonly path: string;
  /** Default: `document` only. */
  readonly kinds: readonly (typeof allowableKinds)[number][];
  /** Only findings whose text holds one of these, as it is shown; every one without it. */
  readonly containing?: readonly string[] | undefined;
  readonly owner: string;
  readonly reason: string;
  /** A day, `YYYY-MM-DD`; it is over when the day begins in UTC. */
  readonly expires: string;
}

/** Names the form of an allow file. */
export const allowForm = 'autopilot.removal-allow.v1';

const entry = z.strictObject({
  path: z.string().min(1),
  kinds: z.array(z.enum(allowableKinds)).min(1).default(['document']),
  containing: z.array(z.string().trim().min(1)).min(1).optional(),
  owner: z.string().trim().min(1),
  reason: z.string().trim().min(1),
  expires: z.iso.date(),
});
const file = z.strictObject({ form: z.literal(allowForm), entries: z.array(entry) });

/**
 * Reads an allow file: `{"form": "autopilot.removal-allow.v1", "entries": [{path, kinds?, containing?, owner, reason,
 * expires}]}`.
 *
 * @throws {RemovalError} `bad_allow_file`.
 */
export function parseAllowFile(text: string): readonly Allowance[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RemovalError('bad_allow_file', 'The allow file is not JSON.', { cause });
  }
  const parsed = file.safeParse(value);
  if (parsed.success) return parsed.data.entries;
  const [issue] = parsed.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new RemovalError('bad_allow_file', `The allow file is wrong at "${path}": ${issue?.message ?? ''}`, {
    details: { path },
  });
}

/** Allowances ready to be asked. */
export class Allowances {
  readonly overdue: readonly Allowance[];
  readonly #inForce: readonly {
    readonly pattern: RegExp;
    readonly kinds: readonly string[];
    readonly containing: readonly string[];
  }[];

  constructor(entries: readonly Allowance[], now: number) {
    const isOver = ({ expires }: Allowance): boolean => !(now < Date.parse(`${expires}T00:00:00Z`));
    this.overdue = entries.filter(isOver);
    this.#inForce = entries
      .filter((one) => !isOver(one))
      .map(({ path, kinds, containing = [''] }) => ({ pattern: pathPattern(path), kinds, containing }));
  }

  excuses({ file, kind, text }: Finding): boolean {
    return this.#inForce.some(
      ({ pattern, kinds, containing }) =>
        kinds.includes(kind) && pattern.test(file) && containing.some((part) => text.includes(part)),
    );
  }
}
