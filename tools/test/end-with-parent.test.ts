import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';

const library = pathToFileURL(path.join(import.meta.dirname, '..', 'lib', 'end-with-parent.mjs')).href;
const child = `process.on('SIGTERM', () => { console.log('told to end'); process.exit(0); });
setInterval(() => {}, 1000); console.log('runs');`;
const between = `import { spawn } from 'node:child_process';
import { endWithParent } from '${library}';
const child = spawn(process.execPath, ['-e', process.env.CHILD], { stdio: 'inherit' });
endWithParent(child);
child.on('exit', () => process.exit(0));`;

test('what a script has started is told to end when the shell that npm puts in between is gone', async () => {
  const env = { ...process.env, CHILD: child, BETWEEN: between, NODE: process.execPath };
  // Two commands: a shell that has only one may become it.
  const args = ['-c', '"$NODE" --input-type=module -e "$BETWEEN"; :'];
  const shell = spawn('sh', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  shell.stdout.on('data', (data) => {
    said += String(data);
    if (said === 'runs\n') shell.kill('SIGKILL');
  });
  // Ends when the last process that holds the pipe has ended.
  await once(shell.stdout, 'close');
  expect(said).toBe('runs\ntold to end\n');
});
