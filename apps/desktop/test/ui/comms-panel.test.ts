import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { streamIdForTopic } from '@autopilot/sync-contract';
import { findChromium } from '@autopilot/testing/find-chromium';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { waitFor } from '@autopilot/testing';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { goLive } from '../support/pipeline-bench.ts';
import { chainOf, eventsOf, type ScriptedLane } from '../support/scripted-lane.ts';
import { startTwoLanes, type TwoLaneDesktop } from '../support/two-lane-desktop.ts';

const chromium = findChromium('the health page');
const withBrowser = chromium === undefined ? describe.skip : describe;
const root = path.join(import.meta.dirname, '..', '..');
const id = streamIdForTopic('run:42:events');
/** Set to a folder, the pictures that a person looks at are left there. */
const pictures = process.env.DESKTOP_PICTURES;

jest.setTimeout(30_000);

withBrowser('the lanes on the health page', () => {
  let uiDir: string;
  let browser: Browser;
  let page: Page;
  let two: TwoLaneDesktop;
  const problems: string[] = [];

  const picture = async (name: string) => {
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      const shot = await page.screenshot(
        pictures === undefined
          ? { fullPage: true }
          : { fullPage: true, path: path.join(pictures, `${name}-${scheme}.png`) },
      );
      expect(shot.length).toBeGreaterThan(10_000);
    }
  };
  const panel = () => page.getByRole('region', { name: 'Lanes' });
  const card = (name: string) => panel().locator('.lane-card', { hasText: name });
  const bring = (lane: ScriptedLane, from: number, to: number, source: 'replay' | 'live' = 'live') => {
    lane.batch(eventsOf(id, from, to, { at: () => Date.now() }), source);
    lane.head(id, to, lane.id === 'spacetime' ? chainOf(id, eventsOf(id, 1, to)) : undefined);
  };
  const newest = (lanes: readonly ScriptedLane[]) => {
    const lane = lanes.at(-1);
    if (lane === undefined) throw new Error('the lane was not opened');
    return lane;
  };

  beforeAll(async () => {
    uiDir = mkdtempSync(path.join(tmpdir(), 'desktop-lanes-'));
    const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
    const args = [vite, 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', uiDir];
    const built = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`the page cannot be built:\n${built.stdout}${built.stderr}`);
    browser = await launchBrowser(chromium ?? '');
    two = await startTwoLanes({ uiDir });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (line) => {
      if (line.type() === 'error') problems.push(line.text());
    });
    await page.goto(two.desktop.url);
  });
  afterAll(async () => {
    await browser?.close();
    await two?.end();
    if (uiDir !== undefined) rmSync(uiDir, { recursive: true, force: true });
  });

  test('says the stage, the rule with its sentence, and what each lane is to this desktop', async () => {
    const khala = newest(two.khala);
    const spacetime = newest(two.spacetime);
    await spacetime.askToken();
    spacetime.grant(id);
    goLive(khala);
    goLive(spacetime);
    for (const lane of [khala, spacetime]) bring(lane, 1, 40);
    await panel().getByText('stage 0, hidden validation').waitFor();
    await panel().getByText('S0.1').waitFor();
    await panel().getByText('khala is primary; spacetime is read and compared, never written.').waitFor();
    await card('khala').getByText('shown').waitFor();
    await card('spacetime').getByText('compared').waitFor();
    await page.locator('.provenance .lane').getByText('khala').waitFor();
  });

  test('counts what both lanes brought alike, and the writes that were refused', async () => {
    await card('Parity').getByText('40 equal').waitFor();
    expect(await card('Parity').textContent()).toContain('no difference');
    await panel()
      .getByText(/nothing is written to spacetime, [1-9]\d* refused/)
      .waitFor();
    expect(newest(two.spacetime).acks).toEqual([]);
    await picture('stage-0');
  });

  test('shows a flip as a handover, and the lane of the applied event', async () => {
    two.control.set({ stage: 2, shadow_sample: 1 });
    await panel().getByText('S2.1').waitFor();
    await card('Handover').getByText('1 done').waitFor();
    bring(newest(two.spacetime), 41, 41);
    bring(newest(two.khala), 41, 41);
    await page.locator('.provenance .lane').getByText('spacetime').waitFor();
    expect(await card('Handover').textContent()).toMatch(/khala to spacetime done, .* ago/);
    await picture('stage-2');
  });

  test('says an emergency fallback loudly, with its end', async () => {
    const now = Date.now();
    const fallback = {
      incident: 'INC-7',
      operator: 'kim',
      reason: 'spacetime stalls',
      since: now,
      units: 'all',
    } as const;
    two.control.set({ fallback: { ...fallback, expires_at: now + 3_600_000 } });
    await panel().getByText('Emergency fallback', { exact: true }).waitFor();
    expect(await panel().locator('.fallback').textContent()).toMatch(/for 59 m \d\d s more, until .* INC-7 · by kim/);
    await page.getByRole('alert').filter({ hasText: 'emergency_fallback' }).waitFor();
    await card('khala').getByText('shown').waitFor();
    await picture('fallback');
  });

  test('says that a handover failed, why, and that lanes differ', async () => {
    newest(two.spacetime).go('backoff', 'network', 'gone');
    bring(newest(two.khala), 42, 44);
    two.control.set({ fallback: null });
    await page.getByRole('alert').filter({ hasText: 'handover_failed' }).waitFor();
    expect(await page.getByRole('alert').textContent()).toContain(
      'spacetime could not take over: It is in the state backoff, not live.',
    );
    await card('Handover')
      .getByText(/1 failed/)
      .waitFor();
    await card('khala').getByText('shown').waitFor();
    const spacetime = newest(two.spacetime);
    for (const to of ['authenticating', 'connecting', 'subscribing', 'replaying'] as const) spacetime.go(to);
    spacetime.batch(eventsOf(id, 42, 44, { salt: ' bent' }), 'replay');
    await page.getByRole('alert').filter({ hasText: 'lanes_differ' }).waitFor();
    await card('Parity')
      .getByText(/3 mismatch/)
      .waitFor();
    await picture('failed');
  });

  test('fits in 720 and 480 px without scrolling sideways', async () => {
    for (const width of [720, 480]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      if (width === 720) await picture('narrow');
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('meets no problem of its own', async () => {
    await waitFor(() => two.control.heartbeats.length > 0, { describe: 'a heartbeat' });
    expect(problems).toEqual([]);
  });
});
