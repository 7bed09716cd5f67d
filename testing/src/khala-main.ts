// khala as a process, for end-to-end runs. Faults, trimming and counters are under /__fixture of its URL.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isCodedError } from '@autopilot/sync-contract';
import { KhalaError } from './khala/errors.ts';
import { startKhala } from './khala/start-khala.ts';

const usage = 'khala-main.ts --listen HOST:PORT [--secret-file FILE] [--ready-json]\n';

async function main(args: string[]): Promise<void> {
  const { listen, secretFile, readyJson } = readArguments(args);
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(listen) ?? [];
  if (host === '' || Number(port) > 65_535) {
    throw new KhalaError('invalid_option', `--listen must be HOST:PORT, not ${JSON.stringify(listen)}.`);
  }
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
  const khala = await startKhala({
    host,
    port: Number(port),
    ...(secretFile === undefined ? {} : { secret: readSecret(secretFile) }),
  });
  const { url } = khala;
  process.stdout.write(readyJson ? `${JSON.stringify({ ready: 'khala', url })}\n` : `khala is ready at ${url}\n`);
  await stopped;
  await khala.close();
}

function readArguments(args: string[]): { listen: string; secretFile: string | undefined; readyJson: boolean } {
  try {
    const { values } = parseArgs({
      args,
      options: {
        listen: { type: 'string', default: '127.0.0.1:0' },
        'secret-file': { type: 'string' },
        'ready-json': { type: 'boolean', default: false },
      },
    });
    return { listen: values.listen, secretFile: values['secret-file'], readyJson: values['ready-json'] };
  } catch (cause) {
    throw new KhalaError('invalid_option', `${(cause as Error).message}\nUsage: ${usage}`, { cause });
  }
}

function readSecret(file: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new KhalaError('invalid_option', `--secret-file ${file} cannot be read (${code}).`, { cause });
  }
  if (secret === '') throw new KhalaError('invalid_option', `--secret-file ${file} is empty.`);
  return secret;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const text = isCodedError(error) ? `${error.code}: ${error.message} ${error.next}` : String(error);
  process.stderr.write(`khala: ${text}\n`);
  process.exitCode = isCodedError(error) ? 2 : 1;
});
