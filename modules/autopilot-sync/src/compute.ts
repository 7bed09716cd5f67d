import { t } from 'spacetimedb/server';
import { mayMove } from './assignment-status.ts';
import { requireRole, requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { checkId, checkJson, checkTtl, largestAssignmentDetail, largestDetail, mostCapabilities } from './limits.ts';
import spacetimedb from './schema.ts';
import { micros, seconds, timeAt } from './time.ts';

/** Says for a time what the caller can compute. */
export const publish_provider_capability = spacetimedb.reducer(
  { capability: t.string(), detail: t.string(), ttl_seconds: t.u32() },
  (ctx, { capability, detail, ttl_seconds }) => {
    requireScope(ctx, 'sync.compute');
    checkId('capability', capability);
    checkJson('detail', detail, largestDetail);
    checkTtl(ttl_seconds);
    const table = ctx.db.provider_capability;
    const expires_at = timeAt(micros(ctx.timestamp) + seconds(ttl_seconds));
    const row = { identity: ctx.sender, capability, detail, updated_at: ctx.timestamp, expires_at };
    const [existing] = [...table.by_identity_capability.filter([ctx.sender, capability])];
    if (existing !== undefined) {
      table.id.update({ id: existing.id, ...row });
      return;
    }
    if ([...table.by_identity_capability.filter(ctx.sender)].length >= mostCapabilities) {
      fail('rate_limited', `An identity publishes at most ${mostCapabilities} capabilities.`);
    }
    table.insert({ id: 0n, ...row });
  },
);

/** Offers work on a stream to a provider. The same offer twice is one. */
export const open_compute_assignment = spacetimedb.reducer(
  { assignment_id: t.string(), provider: t.identity(), stream_id: t.string(), detail: t.string() },
  (ctx, { assignment_id, provider, stream_id, detail }) => {
    requireScope(ctx, 'sync.compute');
    requireRole(ctx, stream_id, 'reader');
    checkId('assignment_id', assignment_id);
    checkJson('detail', detail, largestAssignmentDetail);
    const existing = ctx.db.compute_assignment.assignment_id.find(assignment_id);
    if (existing !== null) {
      const same =
        existing.requester.isEqual(ctx.sender) &&
        existing.provider.isEqual(provider) &&
        existing.stream_id === stream_id &&
        // Once it has moved on, the detail is that of its last step.
        (existing.detail === detail || existing.status !== 'open');
      if (!same) fail('idempotency_conflict', 'The assignment id names another assignment.');
      return;
    }
    ctx.db.compute_assignment.insert({
      assignment_id,
      requester: ctx.sender,
      provider,
      stream_id,
      status: 'open',
      detail,
      version: 1n,
      created_at: ctx.timestamp,
      updated_at: ctx.timestamp,
    });
  },
);

/** Moves an assignment on. Only its two parties may, each along its own edges, and only from the version they saw. */
export const update_compute_assignment = spacetimedb.reducer(
  { assignment_id: t.string(), expected_version: t.u64(), status: t.string(), detail: t.string() },
  (ctx, { assignment_id, expected_version, status, detail }) => {
    requireScope(ctx, 'sync.compute');
    checkJson('detail', detail, largestAssignmentDetail);
    const row = ctx.db.compute_assignment.assignment_id.find(assignment_id);
    const isRequester = row?.requester.isEqual(ctx.sender) ?? false;
    const isProvider = row?.provider.isEqual(ctx.sender) ?? false;
    if (row === null || !(isRequester || isProvider)) {
      return fail('forbidden', 'The caller is no party of an assignment of this id.');
    }
    if (row.version !== expected_version) {
      fail('sequence_conflict', `The assignment is at version ${row.version}, not ${expected_version}.`);
    }
    const allowed =
      (isRequester && mayMove('requester', row.status, status)) ||
      (isProvider && mayMove('provider', row.status, status));
    if (!allowed) fail('invalid_request', `The caller may not move the assignment from ${row.status} to "${status}".`);
    const version = row.version + 1n;
    ctx.db.compute_assignment.assignment_id.update({ ...row, status, detail, version, updated_at: ctx.timestamp });
  },
);
