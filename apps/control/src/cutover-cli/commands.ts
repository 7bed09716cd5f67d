import type { CommandSpec } from './command.ts';
import { audit } from './commands/audit.ts';
import { cohort, rollback } from './commands/back.ts';
import { fallback, force, release, waive } from './commands/emergency.ts';
import { evidence } from './commands/evidence.ts';
import { gates, submit } from './commands/gates.ts';
import { helpCommand } from './commands/help.ts';
import { parity } from './commands/parity.ts';
import { plan } from './commands/plan.ts';
import { advance, approve, request, withdraw } from './commands/requests.ts';
import { status } from './commands/status.ts';
import { verify } from './commands/verify.ts';

/** Every command, in the order of the help. */
export const commands: readonly CommandSpec[] = [
  status,
  plan,
  request,
  approve,
  advance,
  withdraw,
  rollback,
  cohort,
  fallback,
  waive,
  force,
  release,
  gates,
  submit,
  parity,
  verify,
  audit,
  evidence,
  helpCommand(() => commands),
];
