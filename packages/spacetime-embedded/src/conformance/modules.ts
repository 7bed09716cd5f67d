import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The modules of the suite: the files of `modules/`. */
export type ModuleName =
  | 'types'
  | 'store'
  | 'events'
  | 'streams'
  | 'views'
  | 'schedules'
  | 'procedures'
  | 'routes'
  | 'lifecycle'
  | 'migration';

const bundles = new Map<string, Promise<string>>();

/** Bundles a module as `spacetime build` does. A variant is what `VARIANT` in its source stands for. */
export function bundleModule(module: ModuleName, variant = ''): Promise<string> {
  const key = `${module}/${variant}`;
  const known = bundles.get(key) ?? bundle(module, variant);
  bundles.set(key, known);
  return known;
}

async function bundle(module: ModuleName, variant: string): Promise<string> {
  // The package has the sources of the modules beside what is built of its own: esbuild reads them there too.
  const [source = ''] = ['./modules', '../../src/conformance/modules']
    .map((folder) => fileURLToPath(new URL(`${folder}/${module}.ts`, import.meta.url)))
    .filter((path) => existsSync(path));
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    write: false,
    minifyWhitespace: true,
    minifySyntax: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    conditions: ['production', 'import', 'default'],
    external: ['spacetime:sys*'],
    define: { VARIANT: JSON.stringify(variant), 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}
