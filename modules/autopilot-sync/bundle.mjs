import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('.', import.meta.url));

export const bundlePath = fileURLToPath(new URL('./dist/bundle.js', import.meta.url));

export async function buildBundle() {
  const result = await build({
    absWorkingDir: folder,
    entryPoints: ['src/index.ts'],
    outfile: bundlePath,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'esnext',
    conditions: ['@autopilot/source', 'production', 'import', 'default'],
    define: { 'process.env.NODE_ENV': '"production"' },
    external: ['spacetime:sys*'],
    legalComments: 'none',
    logLevel: 'silent',
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error('The bundler wrote nothing.');
  return file.contents;
}
