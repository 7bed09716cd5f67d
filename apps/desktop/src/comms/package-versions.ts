import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const names = ['sync-contract', 'session', 'apply-engine', 'checkpoint', 'cutover-flags', 'legacy-lane'];

const own = path.join(import.meta.dirname, '..', '..', 'package.json');

/** Name to version of this desktop and the packages that move events in it; one that this build lacks is not named. */
export function packageVersions(): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const versions: Record<string, string> = { '@autopilot/desktop': versionIn(own) };
  for (const name of names.map((part) => `@autopilot/${part}`)) {
    try {
      versions[name] = versionIn(require.resolve(`${name}/package.json`));
    } catch {
      // Not installed: Stage 3 has one package less.
    }
  }
  return versions;
}

function versionIn(manifest: string): string {
  return String((JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version?: unknown }).version);
}
