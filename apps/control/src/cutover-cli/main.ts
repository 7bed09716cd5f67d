import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { CliIo, Output } from './io.ts';
import { runCli } from './run-cli.ts';

/** Lines that are not for a terminal are this long, unless COLUMNS says otherwise. */
const columnsElsewhere = 100;

function outputOf(stream: NodeJS.WriteStream): Output {
  const asked = Number(process.env.COLUMNS);
  const columns = Number.isSafeInteger(asked) && asked >= 40 ? asked : undefined;
  return {
    write: (text) => void stream.write(text),
    terminal: stream.isTTY === true,
    columns: (stream.isTTY ? stream.columns : undefined) ?? columns ?? columnsElsewhere,
  };
}

// Whoever reads may stop reading, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const io: CliIo = {
  env: process.env,
  cwd: process.cwd(),
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  fetch,
  now: () => Date.now(),
  wait: async (milliseconds) => {
    await wait(milliseconds);
  },
  uuid: () => randomUUID(),
};

process.exitCode = await runCli(process.argv.slice(2), io);
