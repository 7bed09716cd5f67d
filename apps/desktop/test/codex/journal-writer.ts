// A process for the crash test: appends until it is killed, and prints the id of each entry once it is durable.
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { openJournal } from '../../src/codex/journal.ts';

// Killed, it could not keep what it has compiled for the next one.
flushCompileCache();

const journal = openJournal({ file: String(process.argv[2]), clock: systemPorts.clock });
for (;;) {
  const body = String(journal.head() + 1n);
  const base = { boot_id: 'b', command_seq: null, thread_id: null, direction: 'lane' as const, method: 'note' };
  writeSync(1, `${journal.append({ ...base, body })}\n`);
}
