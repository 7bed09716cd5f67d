// `npm test`: every package's tests in one jest run. Further arguments go to jest: `npm test -- packages/session`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildRuntimeParts, root } from './lib/build.mjs';

buildRuntimeParts();
const scratch = mkdtempSync(path.join(tmpdir(), 'autopilot-test-'));
const report = path.join(scratch, 'report.json');
const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const run = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    jest,
    // One more than the processors of a small machine: files that start programs wait for most of their time.
    '--maxWorkers=3',
    `--testSequencer=${path.join(root, 'tools', 'jest', 'longest-first.mjs')}`,
    // As for the gates: a test that starts programs or a database is slow on a busy machine, not wrong.
    '--testTimeout=20000',
    '--json',
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ],
  // --json writes the whole report to standard output as well; people read standard error, where the summary goes.
  { cwd: root, stdio: ['inherit', 'ignore', 'inherit'] },
);

let counts;
try {
  counts = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  process.stderr.write('jest ended without a report.\n');
  process.exit(run.status || 1);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
// A test file that does not even load has no tests of its own to count, and is a failure all the same.
const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
process.stdout.write(
  `${counts.numPassedTests} passed, ${failed} failed, ${counts.numPendingTests + counts.numTodoTests} skipped\n`,
);
process.exit(run.status === 0 && failed === 0 && counts.numPassedTests > 0 ? 0 : 1);
