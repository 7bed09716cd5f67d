import { build } from 'esbuild';

/** Bundles a fixture as a publisher does, with an optional line more. */
export async function bundleFixture(name: string, more = ''): Promise<Uint8Array> {
  const folder = new URL('../fixtures/', import.meta.url).pathname;
  const { outputFiles } = await build({
    stdin: {
      contents: `export { default } from './${name}'; export * from './${name}'; ${more}`,
      resolveDir: folder,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    conditions: ['production', 'import', 'default'],
    external: ['spacetime:sys*'],
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild wrote nothing');
  return file.contents;
}
