// What every jest of the workspace runs with, whoever starts it: what is set here reaches its workers and the programs
// that tests start.
import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..', '..');
const memory = '/dev/shm';
const enoughBytes = 4 * 1024 ** 3;

/** Whether there is a folder in memory with room for what the tests write, from which a program may be started. */
function hasMemoryFolder() {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.split(' ')[1] === memory);
    const options = mount?.split(' ')[3]?.split(',') ?? ['noexec'];
    return !options.includes('noexec') && Math.min(bavail * bsize, process.availableMemory()) > enoughBytes;
  } catch {
    return false;
  }
}

// Node keeps what it has compiled, and stripped of types, for the next process that loads it.
process.env.NODE_COMPILE_CACHE ??= path.join(root, 'node_modules', '.cache', 'node-compile');
// Databases of tests wait for a disk thousands of times. Tests kill processes, never the machine: what a process has
// written is there for the next one in both.
if (process.env.TMPDIR === undefined && hasMemoryFolder()) process.env.TMPDIR = memory;
