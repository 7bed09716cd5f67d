import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { buildBundle, bundlePath } from './bundle.mjs';

const started = performance.now();
const bytes = await buildBundle();
await mkdir(dirname(bundlePath), { recursive: true });
await writeFile(bundlePath, bytes);
console.log(`dist/bundle.js  ${(bytes.length / 1024).toFixed(0)} KiB  ${Math.round(performance.now() - started)} ms`);
