import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HttpClient } from '@autopilot/sync-contract';
import { findChromium } from '@autopilot/testing/find-chromium';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { BridgeSummary } from '../../src/view-model/bridge-state.ts';
import { launchBrowser } from '../support/browser.ts';
import { bridgeSummary, endedBridge, noBridge } from '../support/bridge-summaries.ts';
import { goLive } from '../support/pipeline-bench.ts';
import { type ScriptedDesktop, startScripted, tokenAnswer } from '../support/scripted-desktop.ts';

const chromium = findChromium('the health page');
const withBrowser = chromium === undefined ? describe.skip : describe;
const root = path.join(import.meta.dirname, '..', '..');
/** Set to a folder, the pictures that a person looks at are left there. */
const pictures = process.env.DESKTOP_PICTURES;

jest.setTimeout(30_000);

withBrowser('the bridge on the health page', () => {
  let uiDir: string;
  let browser: Browser;
  let page: Page;
  let scripted: ScriptedDesktop;
  let problems: string[] = [];

  const panel = () => page.getByRole('region', { name: 'Nostr bridge' });
  const fact = (name: string) => panel().locator(`dt:text-is("${name}") + dd`).textContent();

  /** A desktop that is live, and whose control says this of its bridge; undefined: it has no such route. */
  async function open(summary: BridgeSummary | undefined): Promise<void> {
    const http: HttpClient = async ({ url }) => {
      const { pathname } = new URL(url);
      if (pathname === '/v1/sync/token') return { status: 200, headers: {}, body: tokenAnswer() };
      if (pathname !== '/v1/bridge/summary' || summary === undefined) return { status: 404, headers: {}, body: '{}' };
      return { status: 200, headers: {}, body: JSON.stringify(summary) };
    };
    scripted = await startScripted({ uiDir, http });
    await scripted.lane.askToken();
    goLive(scripted.lane);
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (line) => {
      if (line.type() === 'error') problems.push(line.text());
    });
    await page.goto(scripted.desktop.url);
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
  }

  /** Whatever the bridge does, this desktop is live and has no alarm; nothing sticks out at any width. */
  async function look(name: string): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 820, 420]) {
        await page.setViewportSize({ width, height: 900 });
        expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, width]);
        const file = pictures === undefined ? {} : { path: path.join(pictures, `${name}-${colorScheme}-${width}.png`) };
        const shot = await page.screenshot({ fullPage: true, ...file });
        expect(shot.length).toBeGreaterThan(10_000);
      }
    }
    await panel().getByText('No lane depends on it.').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(scripted.desktop.state()).toMatchObject({ alarms: [], connection: { state: 'live' } });
    expect(problems).toEqual([]);
  }

  beforeAll(async () => {
    uiDir = mkdtempSync(path.join(tmpdir(), 'desktop-bridge-'));
    const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
    const args = [vite, 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', uiDir];
    const built = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`the page cannot be built:\n${built.stdout}${built.stderr}`);
    browser = await launchBrowser(chromium ?? '');
  });
  afterEach(async () => {
    await page?.close();
    await scripted?.end();
  });
  afterAll(async () => {
    await browser?.close();
    if (uiDir !== undefined) rmSync(uiDir, { recursive: true, force: true });
  });

  test('B3: a bridge that runs: its relays, its session, what waits', async () => {
    await open(bridgeSummary());
    await panel().getByText('running', { exact: true }).waitFor();
    expect(await fact('Relays')).toBe('2 of 3 connected');
    expect(await fact('Its session')).toBe('live');
    expect([await fact('Pending'), await fact('Given up'), await fact('Open jobs')]).toEqual(['1,535', '4', '5']);
    await panel()
      .getByText(/Control said this \d+ s ago\./)
      .waitFor();
    await look('bridge-running');
  });

  test('B2, B3: a thread that is over: its last word, and this desktop is as well as before', async () => {
    await open(endedBridge(Date.now() - 310_000));
    await panel().getByText('waits for its restart').waitFor();
    await panel()
      .getByText(/As of its last word, at \d\d:\d\d:\d\d:/)
      .waitFor();
    expect(await fact('Relays')).toBe('3');
    expect(await panel().locator('dt', { hasText: 'session' }).count()).toBe(0);
    await look('bridge-waiting');
  });

  test('a control without a bridge is said in one line', async () => {
    await open(noBridge);
    await panel().getByText('Control has none.').waitFor();
    expect(await panel().locator('dl').count()).toBe(0);
    await look('bridge-none');
  });

  test('B1: of a control that is older than the route nothing is known', async () => {
    await open(undefined);
    await panel().getByText('Not known: control does not say.').waitFor();
    expect(scripted.desktop.state().bridge).toEqual({ summary: null, at: null });
    await look('bridge-unknown');
  });
});
