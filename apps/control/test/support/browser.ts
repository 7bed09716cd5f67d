import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { temporaryFolder } from './temporary-folder.ts';

/** Starts the browser without a window and without what goes to the network by itself. */
export function launchBrowser(executablePath: string): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
  return chromium.launch({ executablePath, args });
}

/** Builds the console from the sources as they are, into a folder of the test. */
export function buildConsole(): string {
  const root = path.join(import.meta.dirname, '..', '..');
  const folder = path.join(temporaryFolder(), 'console');
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', folder];
  const built = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the console cannot be built:\n${built.stdout}${built.stderr}`);
  return folder;
}

/** Everything that goes wrong in a page, refusals of requests that a test provokes left out. */
export function watchProblems(page: Page): string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (line) => {
    if (line.type() === 'error' && !line.text().startsWith('Failed to load resource')) problems.push(line.text());
  });
  return problems;
}

/** Presses Tab until what has the focus has this name, as a person without a mouse does. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 150; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(
      `(() => { const e = document.activeElement; return (e.labels?.[0]?.textContent ?? e.textContent ?? '').trim(); })()`,
    );
    passed.push(String(focused));
    if (typeof name === 'string' ? focused === name : name.test(String(focused))) return;
  }
  throw new Error(`Tab never came to ${name}; it came to: ${[...new Set(passed)].join(' | ')}`);
}

/** Saves a picture of the whole page, or a part, where AUTOPILOT_SCREENSHOTS names a folder: for a person to look at. */
export async function picture(of: Page | Locator, name: string, whole = true): Promise<void> {
  const folder = process.env.AUTOPILOT_SCREENSHOTS;
  if (folder === undefined || folder === '') return;
  const file = path.join(folder, `${name}.png`);
  if ('goto' in of) await of.screenshot({ path: file, fullPage: whole });
  else await of.screenshot({ path: file });
}
