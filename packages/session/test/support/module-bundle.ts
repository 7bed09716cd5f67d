import { readFileSync } from 'node:fs';

/** The module as `build-module.mjs` has built it for this run. */
export function moduleBundle(): Uint8Array {
  const file = process.env.SESSION_TEST_MODULE;
  if (file === undefined)
    throw new Error('The module was not built: run the tests with the jest.config.mjs of this package.');
  return new Uint8Array(readFileSync(file));
}
