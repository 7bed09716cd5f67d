import type { ConformanceCase } from './case.ts';
import { callCases } from './cases/calls.ts';
import { eventCases } from './cases/events.ts';
import { frameCases } from './cases/frames.ts';
import { httpCases } from './cases/http.ts';
import { jsonCases } from './cases/json.ts';
import { limitCases } from './cases/limits.ts';
import { literalCases } from './cases/literals.ts';
import { logCases } from './cases/logs.ts';
import { messageCases } from './cases/messages.ts';
import { migrationCases } from './cases/migrations.ts';
import { orderCases } from './cases/order.ts';
import { procedureCases } from './cases/procedures.ts';
import { routeCases } from './cases/routes.ts';
import { scheduleCases } from './cases/schedules.ts';
import { sqlCases } from './cases/sql.ts';
import { storeCases } from './cases/store.ts';
import { streamCases } from './cases/streams.ts';
import { subscriptionCases } from './cases/subscriptions.ts';
import { systemCases } from './cases/system.ts';
import { tokenCases } from './cases/tokens.ts';
import { upgradeCases } from './cases/upgrade.ts';
import { viewCases } from './cases/views.ts';

/** Every case, group by group. */
export const allCases: readonly ConformanceCase[] = [
  ...httpCases,
  ...callCases,
  ...jsonCases,
  ...tokenCases,
  ...upgradeCases,
  ...messageCases,
  ...subscriptionCases,
  ...frameCases,
  ...orderCases,
  ...limitCases,
  ...sqlCases,
  ...literalCases,
  ...systemCases,
  ...storeCases,
  ...eventCases,
  ...streamCases,
  ...viewCases,
  ...scheduleCases,
  ...procedureCases,
  ...routeCases,
  ...migrationCases,
  ...logCases,
];
