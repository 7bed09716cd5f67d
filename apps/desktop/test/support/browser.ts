import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const candidates = [
  process.env.CHROMIUM_BIN,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The browser of this machine; undefined, with the reason printed, where there is none. CI never skips: it fails. */
export function findChromium(): string | undefined {
  const found = candidates.find((file) => file !== undefined && existsSync(file));
  if (found !== undefined) return found;
  const reason = 'no Chromium is installed (set CHROMIUM_BIN, or install the package chromium)';
  if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`CI needs a browser: ${reason}`);
  process.stderr.write(`SKIPPED: the tests of the health page: ${reason}\n`);
  return undefined;
}

/** Starts it without a window, and without anything that goes to the network by itself. */
export function launchBrowser(executablePath: string): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
  return chromium.launch({ executablePath, args });
}
