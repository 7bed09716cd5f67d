import { ruleIds } from '@autopilot/cutover-flags';
import { comparisonPairs, comparisonResults, type ParityWindow, parseWindow } from '@autopilot/cutover-flags/parity';
import { laneIds, laneStates } from '@autopilot/sync-contract';
import { z } from 'zod';
import { describeIssues } from '../config/describe-issues.ts';
import { ControlError } from '../errors.ts';
import { windowOf } from './parity-window.ts';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const measure = z.number().min(0);
const text = (longest: number) => z.string().min(1).max(longest);
const lag = z.number().int().min(0).nullable();

/** The id of a unit. */
export const unitId = text(200).refine((value) => value.isWellFormed(), 'holds a lone surrogate');

const schema = z.strictObject({
  unit: unitId,
  build: text(128),
  policy_revision: count.nullable(),
  stage: z.literal([0, 1, 2, 3]).nullable(),
  lane: z.enum(laneIds),
  rule: z.enum(ruleIds),
  shadow: z.enum(laneIds).nullable(),
  session: z.enum(laneStates),
  lag_events: z.strictObject({ khala: lag, spacetime: lag }),
  applied: count,
  duplicates: count,
  gaps: count,
  conflicts: count,
  fallback_used: z.boolean(),
  packages: z.record(text(200), text(100)).optional(),
  protocols: z.array(text(100)).max(8).optional(),
  latency_ms: z.strictObject({ p95: measure, samples: count, errors: count }).optional(),
  lag_ms_p99: measure.optional(),
  token_expires_at: count.nullable().optional(),
  signals: z
    .strictObject({
      reconnects: count.optional(),
      stale_cursors: count.optional(),
      auth_failures: count.optional(),
      auth_attempts: count.optional(),
    })
    .optional(),
  parity: z.unknown().optional(),
  streams: z
    .array(
      z.strictObject({
        stream_id: text(512),
        epoch: text(512),
        seq: z.string().regex(/^\d{1,20}$/),
        chain: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(500)
    .optional(),
});

type Parsed = z.infer<typeof schema>;

/** What a unit says of itself. */
export interface Heartbeat extends Omit<Parsed, 'parity'> {
  readonly parity: ParityWindow | undefined;
}

/** @throws {ControlError} `invalid_request`. */
export function parseHeartbeat(body: unknown): Heartbeat {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw wrong(describeIssues(parsed.error));
  const { parity, ...heartbeat } = parsed.data;
  return { ...heartbeat, parity: parity === undefined || parity === null ? undefined : parseParityWindow(parity) };
}

const shortWindow = z.strictObject({
  pair: z.enum(comparisonPairs),
  from: count,
  to: count,
  counts: z.partialRecord(z.enum(comparisonResults), count),
  samples: z.array(z.unknown()).max(20).default([]),
});

/**
 * A window of a comparison: as the comparator of cutover-flags makes it, or only `{pair, from, to, counts, samples}`.
 *
 * @throws {ControlError} `invalid_request`.
 */
export function parseParityWindow(value: unknown): ParityWindow {
  const window = typeof value === 'object' && value !== null && 'form' in value ? whole(value) : short(value);
  if (window.from > window.to) throw wrong('the window ends before it begins');
  if (![window.from, window.to].every((time) => Number.isSafeInteger(Math.floor(time)))) {
    throw wrong('the times of the window are beyond any clock');
  }
  return window;
}

function whole(value: object): ParityWindow {
  try {
    return parseWindow(value);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

function short(value: unknown): ParityWindow {
  const parsed = shortWindow.safeParse(value);
  if (!parsed.success) throw wrong(describeIssues(parsed.error));
  return windowOf(parsed.data);
}

function wrong(why: string): ControlError {
  return new ControlError('invalid_request', `The body is wrong: ${why}.`);
}
