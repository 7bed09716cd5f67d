import { build } from 'esbuild';

/** Bundles a fixture as a publisher does. */
export async function bundle(fixture: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [new URL(`./fixtures/${fixture}`, import.meta.url).pathname],
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

/** Bundles source text. */
export async function bundleText(contents: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: new URL('.', import.meta.url).pathname, loader: 'ts' },
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
