import { z } from 'zod';
import { type ComparisonResult, comparisonResults } from './comparison.ts';
import { ParityError } from './errors.ts';
import { comparedFields } from './event.ts';
import { comparisonPairs } from './options.ts';
import { notComparedReasons, type ParityWindow, record, windowForm } from './window.ts';

const count = z.int().min(0);
const time = z.number();
const text = z.string().max(20_000);
const side = z.enum(['left', 'right']);
const many = 10_000;
const countsOf = <Name extends string>(names: readonly Name[]) => z.strictObject(record(names, () => count));
const differing = comparisonResults.filter((result) => result !== 'match') as Exclude<ComparisonResult, 'match'>[];
const sampledEvent = z.strictObject({ kind: text, idempotency_key: text, payload_hash: text }).nullable();

const schema = z.strictObject({
  form: z.literal(windowForm),
  pair: z.enum(comparisonPairs),
  from: time,
  to: time,
  counts: countsOf(comparisonResults),
  positions: count,
  pairs: count,
  repeats: count,
  revisions: count,
  absent: count,
  pending: count,
  foreign: count,
  faults: count,
  offered: countsOf(['left', 'right']),
  not_compared: countsOf(notComparedReasons),
  mismatched: countsOf(comparedFields),
  sampled: z.boolean(),
  share: z.number().min(0).max(1).nullable(),
  paused: z.array(z.strictObject({ side, from: time, to: time.nullable() })).max(many),
  ignored_by: z.record(text, count),
  overdue_rules: z.array(z.strictObject({ id: text, owner: text, expired_at: time, hits: count })).max(many),
  samples: z
    .array(
      z.strictObject({
        result: z.enum(differing),
        stream_id: text,
        epoch: text,
        seq: text,
        at: time,
        side: side.nullable(),
        fields: z.array(z.enum(comparedFields)),
        left: sampledEvent,
        right: sampledEvent,
        diff: z
          .array(z.strictObject({ path: text, left: text.exactOptional(), right: text.exactOptional() }))
          .max(many),
        diff_cut: z.boolean(),
        rule: text.nullable(),
      }),
    )
    .max(many),
  streams: z
    .array(
      z.strictObject({
        stream_id: text,
        epoch: text,
        after: text,
        seq: text,
        compared: count,
        left: text,
        right: text,
      }),
    )
    .max(many),
  unequal_chains: count,
});

/**
 * A window that came over a wire: every field checked, none unknown, and the counts add up.
 *
 * @throws {ParityError} `bad_window`.
 */
export function parseWindow(value: unknown): ParityWindow {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join('.') ?? '';
    throw new ParityError('bad_window', `The window is wrong at "${path}": ${issue?.message ?? ''}`, {
      details: { path },
    });
  }
  const window: ParityWindow = parsed.data;
  const results = Object.values(window.counts).reduce((all, one) => all + one, 0);
  if (results !== window.positions + window.repeats + window.revisions) {
    throw new ParityError('bad_window', 'The counts of the window do not add up to its positions.', {
      details: { path: 'counts' },
    });
  }
  return window;
}
