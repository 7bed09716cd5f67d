import { readFileSync } from 'node:fs';

/** The module `autopilot-sync` as `build-module.mjs` has built it for this run. */
export function moduleBundle(): Uint8Array {
  return bundleOf('SESSION_TEST_MODULE');
}

/** A module that knows nothing of streams: `fixtures/scores.ts`. */
export function otherBundle(): Uint8Array {
  return bundleOf('SESSION_OTHER_MODULE');
}

function bundleOf(name: string): Uint8Array {
  const file = process.env[name];
  if (file === undefined)
    throw new Error('The module was not built: run the tests with the jest.config.mjs of this package.');
  return new Uint8Array(readFileSync(file));
}
