import { build } from 'esbuild';

/** Bundles the module of the check as a publisher does. */
export async function bundleModule(): Promise<Uint8Array> {
  const result = await build({
    // The schema has to be the default export of the bundle.
    stdin: {
      contents: "export { spacetimedb as default } from './index.ts'; export { init, transfer } from './index.ts';",
      resolveDir: `${import.meta.dirname}/module`,
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
    legalComments: 'none',
    logLevel: 'silent',
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error('The bundler wrote nothing.');
  return file.contents;
}
