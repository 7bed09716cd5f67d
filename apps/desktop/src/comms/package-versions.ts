import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const names = ['sync-contract', 'session', 'apply-engine', 'checkpoint', 'cutover-flags', 'legacy-lane'];

/** Name to version of the packages that move events here; one that this build does not have is not named. */
export function packageVersions(): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const versions: Record<string, string> = {};
  for (const name of names.map((part) => `@autopilot/${part}`)) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8'));
      versions[name] = String((parsed as { version?: unknown }).version);
    } catch {
      // Not installed: Stage 3 has one package less.
    }
  }
  return versions;
}
