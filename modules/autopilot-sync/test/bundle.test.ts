import { expect, test } from '@jest/globals';
import { buildBundle, bundlePath } from '../bundle.mjs';

test('the bundle imports the system of the host and nothing else', async () => {
  const text = new TextDecoder().decode(await buildBundle());
  const imports = [...text.matchAll(/^import .* from "([^"]+)";$/gm)].map((match) => match[1]);
  expect(new Set(imports)).toEqual(new Set(['spacetime:sys@2.0', 'spacetime:sys@2.1']));
  // The realm of a module has none of these; node:crypto would come in with the wrong SHA-256.
  expect(text).not.toMatch(/node:crypto/);
  expect(bundlePath.endsWith('dist/bundle.js')).toBe(true);
});
