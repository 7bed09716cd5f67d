import type { PlanTarget, Stage } from '@autopilot/cutover-flags';
import { type ComparisonPair, comparisonPairs, parityMeasures } from '@autopilot/cutover-flags/parity';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { describeIssues } from '../../config/describe-issues.ts';
import { ControlError } from '../../errors.ts';
import { seriesOf } from '../../cutover/parity-series.ts';
import type { Context } from '../context.ts';
import { gatesReport } from './gates-report.ts';
import { publicState } from './public-state.ts';

const planSchema = z.strictObject({
  to: z.union([z.literal([0, 1, 2, 3]), z.literal('sealed'), z.strictObject({ percent: z.number().min(0).max(100) })]),
});
const paritySchema = z.strictObject({
  pair: z.enum(comparisonPairs).default('khala/spacetime'),
  since: z.coerce.number().int().min(0).optional(),
});
const pageSchema = z.strictObject({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

/** A parity report without `since` looks back this far, milliseconds of the cutover clock. */
const parityLookBack = 24 * 3_600_000;

/** Samples and points that a parity report has at most. */
const mostSamples = 50;
const mostPoints = 300;

/** Units that drift, as the status lists them. */
const mostDrifting = 100;

/** What can be read of the cutover; needs the scope cutover.read. */
export function installReportRoutes(app: FastifyInstance, context: Context): void {
  const { authenticate, clock: wall, mirror, service } = context;
  const { clock, cutover, cutovers, parity, units } = service;
  const read = (request: Parameters<typeof authenticate.withScope>[0]) =>
    authenticate.withScope(request, 'cutover.read');

  app.get('/v1/cutover/status', async (request) => {
    await read(request);
    const state = await cutover.state();
    const live = await cutover.liveUnits();
    const fleet = await cutover.fleet();
    const liveSince = await cutover.liveSince();
    const counts = await units.counts(liveSince);
    const { acknowledged } = await units.acknowledged(liveSince, state.policy_revision, state.policy_revision);
    const next = nextTarget(state.stage, state.status === 'sealed');
    const plan = next === null ? null : await cutover.plan(next);
    const depth = await mirror.depth();
    const oldest = depth.oldest_accepted_at;
    const audit = await cutovers.auditHead();
    const back = [...(await lastRecords())].reverse().find((record) => record.event.startsWith('rolled_back'));
    return {
      deployment: service.deployment,
      now: clock.now(),
      clock_rate: clock.rate,
      rehearsed: clock.rate !== 1,
      state: publicState(state),
      units: {
        total: counts.total,
        live: counts.live,
        silent: counts.total - counts.live,
        lanes: { khala: counts.khala, spacetime: counts.spacetime },
        acknowledged,
        drifting: counts.drifting,
      },
      drift: live
        .filter((unit) => unit.drift.length > 0)
        .slice(0, mostDrifting)
        .map(({ unit, drift, drift_since, heartbeat: { policy_revision, stage, lane, rule } }) => {
          return { unit, kinds: drift, since: drift_since, seen: { policy_revision, stage, lane, rule } };
        }),
      sample_ratio: fleet.sample_ratio,
      service: fleet.service,
      packages: fleet.packages,
      mirror: {
        state: !mirror.present ? 'absent' : state.stage < 3 ? 'on' : 'off',
        waiting: depth.waiting,
        oldest_age_seconds: oldest === undefined ? 0 : Math.max(0, (wall.now() - oldest) / 1_000),
        mirrored_streams: depth.mirrored_streams,
        broken_streams: depth.broken_streams,
        last_error: mirror.lastError ?? null,
      },
      gates: await gatesReport(service),
      drill: (await service.drills.open())?.drill ?? null,
      rollback_reason: back === undefined ? null : { at: back.at, event: back.event, reason: back.reason },
      audit,
      next_target: next,
      next_steps: plan === null ? [] : plan.next_steps,
    };

    async function lastRecords() {
      const head = await cutovers.auditHead();
      return cutovers.audit(Math.max(0, head.seq - 200), 200);
    }
  });

  app.get('/v1/cutover/state', async (request) => {
    await read(request);
    return { state: publicState(await cutover.state()), now: clock.now(), clock_rate: clock.rate };
  });

  app.post('/v1/cutover/plan', async (request) => {
    await read(request);
    const body = parse(planSchema, request.body, 'body');
    return { plan: await cutover.plan(body.to as PlanTarget), clock_rate: clock.rate };
  });

  app.get('/v1/cutover/gates', async (request) => {
    await read(request);
    const keys = service.trusted.map(({ keyid, gates }) => ({ keyid, gates }));
    return { gates: await gatesReport(service), keys };
  });

  app.get('/v1/cutover/units', async (request) => {
    await read(request);
    const { limit } = parse(pageSchema, request.query, 'query');
    const liveSince = await cutover.liveSince();
    const list = await units.list(limit);
    return { units: list.map((unit) => ({ ...unit, silent: unit.last_seen < liveSince })) };
  });

  app.get('/v1/cutover/parity', async (request) => {
    await read(request);
    const query = parse(paritySchema, request.query, 'query');
    const pair: ComparisonPair = query.pair;
    const since = clock.toWall(query.since ?? clock.now() - parityLookBack);
    const { totals, buckets } = await parity.report(pair, since);
    if (totals === undefined) {
      return {
        pair,
        from: null,
        to: null,
        windows: 0,
        units: 0,
        counts: null,
        match_ratio: null,
        series: [],
        samples: [],
      };
    }
    const { match_ratio, ...measures } = parityMeasures(totals);
    const known = (value: number) => (Number.isFinite(value) ? value : null);
    return {
      pair,
      from: totals.from,
      to: totals.to,
      windows: totals.windows,
      units: await parity.units(pair, since),
      counts: totals.counts,
      match_ratio: known(match_ratio),
      measures: Object.fromEntries(Object.entries(measures).map(([name, value]) => [name, known(value)])),
      series: seriesOf(buckets, mostPoints),
      samples: await parity.samples(pair, since, mostSamples),
    };
  });

  app.get('/v1/cutover/audit', async (request) => {
    await read(request);
    const { after, limit } = parse(pageSchema, request.query, 'query');
    return { records: await cutovers.audit(after, limit), head: await cutovers.auditHead() };
  });

  app.get('/v1/cutover/audit/verify', async (request) => {
    await read(request);
    return cutover.verifyAudit();
  });

  app.get('/v1/cutover/audit/export', async (request, reply) => {
    await read(request);
    const lines: string[] = [];
    for (let page = await cutovers.audit(0, 1_000); page.length > 0; ) {
      lines.push(...page.map((record) => `${JSON.stringify(record)}\n`));
      page = await cutovers.audit(page.at(-1)?.seq ?? 0, 1_000);
    }
    return reply.header('content-type', 'application/x-ndjson').send(lines.join(''));
  });
}

/** The next step forward; null when there is none. */
function nextTarget(stage: Stage, sealed: boolean): PlanTarget | null {
  if (sealed) return null;
  return stage === 3 ? 'sealed' : ((stage + 1) as Stage);
}

function parse<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  throw new ControlError('invalid_request', `The ${name} is wrong: ${describeIssues(parsed.error)}.`);
}
