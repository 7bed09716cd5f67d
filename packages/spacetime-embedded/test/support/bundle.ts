import { build } from 'esbuild';

const fixtures = new URL('../fixtures/', import.meta.url).pathname;

/** Bundles a fixture as a publisher does, with an optional line more. */
export function bundleFixture(name: string, more = ''): Promise<Uint8Array> {
  return bundleText(`export { default } from './${name}'; export * from './${name}'; ${more}`);
}

/** Bundles source text that stands among the fixtures. */
export async function bundleText(contents: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fixtures, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    conditions: ['production', 'import', 'default'],
    external: ['spacetime:sys*', 'node:*'],
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild wrote nothing');
  return file.contents;
}
