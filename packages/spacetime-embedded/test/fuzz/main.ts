// Attacks a host with hostile frames: node ... test/fuzz/main.ts [FRAMES [SEED]]. Prints the seed before anything is sent.
import { randomInt } from 'node:crypto';
import { attack } from './attack.ts';

const frames = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? randomInt(1, 2 ** 31));
if (!Number.isSafeInteger(frames) || frames < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('usage: fuzz [FRAMES [SEED]]\n');
  process.exit(2);
}
process.stdout.write(`seed ${seed}, ${frames} frames\n`);
const started = performance.now();
let told = 0;
const progress = (sent: number) => {
  if (sent - told < 10_000) return;
  told = sent;
  process.stdout.write(`${sent} frames, ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
};
try {
  const report = await attack({ frames, seed, progress });
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  process.stdout.write(
    `seed ${seed}: ${report.frames} hostile frames in ${((performance.now() - started) / 1000).toFixed(0)} s, nothing found\n`,
  );
} catch (error) {
  process.stderr.write(`seed ${seed}: ${String(error)}\n`);
  for (let cause = error; cause instanceof Error; cause = cause.cause) process.stderr.write(`${cause.stack}\n`);
  process.exit(1);
}
