import { type Browser, chromium } from 'playwright-core';

/** Starts the browser without a window, and without anything that goes to the network by itself. */
export function launchBrowser(executablePath: string): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
  return chromium.launch({ executablePath, args });
}
