import { existsSync } from 'node:fs';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/**
 * The browser of this machine; undefined, saying that the tests of `what` are skipped, where there is none. CI never
 * skips: it fails.
 */
export function findChromium(what: string): string | undefined {
  const { CHROMIUM_BIN, CI = '' } = process.env;
  const found = [CHROMIUM_BIN, ...places].find((file) => file !== undefined && existsSync(file));
  if (found !== undefined) return found;
  const reason = 'no Chromium is installed (set CHROMIUM_BIN, or install the package chromium)';
  if (CI !== '') throw new Error(`CI needs a browser: ${reason}`);
  process.stderr.write(`SKIPPED: the tests of ${what}: ${reason}\n`);
  return undefined;
}
