import path from 'node:path';
import { build } from 'esbuild';

/** What the module has besides its schema. */
const functions = 'noteRule, mine, nothing, putItem, fillItems, putNote, putMember, putRoom';

/** Bundles the module of these benchmarks as a publisher does. */
export async function bundleModule(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    // The schema has to be the default export of the bundle.
    stdin: {
      contents: `export { spacetimedb as default } from './index.ts'; export { ${functions} } from './index.ts';`,
      resolveDir: path.join(import.meta.dirname, 'module'),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'esnext',
    conditions: ['production', 'import', 'default'],
    define: { 'process.env.NODE_ENV': '"production"' },
    external: ['spacetime:sys*'],
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('The bundler wrote nothing.');
  return file.contents;
}
