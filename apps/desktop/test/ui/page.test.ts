import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { transitions } from '@autopilot/session/transitions';
import { streamIdForTopic } from '@autopilot/sync-contract';
import { findChromium } from '@autopilot/testing/find-chromium';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type ScriptedDesktop, startScripted } from '../support/scripted-desktop.ts';
import { chainOf, eventsOf } from '../support/scripted-lane.ts';

const chromium = findChromium('the health page');
const withBrowser = chromium === undefined ? describe.skip : describe;
const root = path.join(import.meta.dirname, '..', '..');
const topic = 'run:42:events';
const id = streamIdForTopic(topic);

jest.setTimeout(30_000);

withBrowser('the health page', () => {
  let uiDir: string;
  let browser: Browser;
  let page: Page;
  let scripted: ScriptedDesktop;
  const problems: string[] = [];

  beforeAll(async () => {
    uiDir = mkdtempSync(path.join(tmpdir(), 'desktop-page-'));
    // Built from the sources as they are: a test of an old build would say nothing.
    const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
    const args = [vite, 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', uiDir];
    const built = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`the page cannot be built:\n${built.stdout}${built.stderr}`);
    browser = await launchBrowser(chromium ?? '');
    scripted = await startScripted({ uiDir });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (line) => {
      if (line.type() === 'error') problems.push(line.text());
    });
    await page.goto(scripted.desktop.url);
  });
  afterAll(async () => {
    await browser?.close();
    await scripted?.end();
    if (uiDir !== undefined) rmSync(uiDir, { recursive: true, force: true });
  });

  const pill = () => page.getByRole('status');
  const tile = (label: string) => page.locator('.tile', { has: page.getByRole('heading', { name: label }) });
  const row = () => page.locator('.streams tbody tr').first();

  test('opens by the printed URL and keeps no token in its address', async () => {
    await pill().filter({ hasText: 'Idle' }).waitFor();
    expect(page.url()).not.toContain('token');
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  test('shows a connection that is being made, and nothing as good that is not known', async () => {
    await scripted.lane.askToken();
    scripted.lane.go('authenticating', 'started');
    scripted.lane.go('connecting', 'token');
    await pill().filter({ hasText: 'Connecting' }).waitFor();
    expect(await tile('Lag').textContent()).toContain('–');
    expect(await tile('Commit to applied').textContent()).toContain('no live event measured');
    expect(await tile('Token expires in').textContent()).toMatch(/[45] m \d\d s/);
    await page.getByText('No event applied in this run yet').waitFor();
    await page.getByText('No stream is known yet').waitFor();
  });

  test('shows the progress of a catch-up', async () => {
    const { lane } = scripted;
    lane.go('subscribing');
    lane.go('replaying');
    lane.grant(id);
    lane.head(id, 400);
    lane.batch(eventsOf(id, 1, 100), 'replay', 400n);
    await pill().filter({ hasText: 'Catching up' }).waitFor();
    await page.getByText('100 of 400 events').waitFor();
    const bar = page.getByRole('progressbar');
    expect([await bar.getAttribute('value'), await bar.getAttribute('max')]).toEqual(['100', '400']);
    expect(await row().textContent()).toContain(topic);
    expect(await row().textContent()).toContain('100 / 400');
    expect(await tile('Lag').textContent()).toContain('300');
  });

  test('shows live with the lane of the events, their latency and the proof of the chain', async () => {
    const { lane } = scripted;
    const events = eventsOf(id, 1, 400);
    lane.batch(events.slice(100), 'replay');
    lane.head(id, 400, chainOf(id, events));
    lane.go('live', 'caught_up');
    lane.batch(eventsOf(id, 401, 401, { at: () => Date.now() }), 'live');
    await pill().filter({ hasText: 'Live' }).waitFor();
    await page.getByText('401 / 401').waitFor();
    expect(await page.locator('.provenance .lane').textContent()).toBe('spacetime');
    expect(await tile('Lag').textContent()).toMatch(/^Lag0events$/);
    expect(await tile('Commit to applied').textContent()).toMatch(/ ms/);
    expect(await row().textContent()).toContain('= host at 400');
  });

  test('opens the whole chain by the keyboard', async () => {
    const name = page.getByRole('button', { name: topic });
    await name.focus();
    await page.keyboard.press('Enter');
    expect(await name.getAttribute('aria-expanded')).toBe('true');
    await page.getByText(scripted.desktop.state().streams[0]?.chain ?? 'no chain').waitFor();
    await page.keyboard.press('Enter');
  });

  test('fits narrow windows: no name is broken into letters, and nothing sticks out', async () => {
    try {
      for (const width of [420, 700]) {
        await page.setViewportSize({ width, height: 900 });
        const name = await page.getByRole('button', { name: topic }).boundingBox();
        expect(name?.height).toBeLessThan(48);
        expect(await row().textContent()).toContain('401 / 401');
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      }
    } finally {
      await page.setViewportSize({ width: 1280, height: 800 });
    }
  });

  test('puts alarms on top, with what to do', async () => {
    const { lane } = scripted;
    lane.head(id, 401, 'f'.repeat(64));
    const alarm = page.getByRole('alert').filter({ hasText: 'chain_divergence' });
    await alarm.waitFor();
    expect(await alarm.textContent()).toContain('compare both before a reset');
    await page.getByRole('link', { name: '1 alarm' }).waitFor();
    lane.head(id, 401, scripted.desktop.state().streams[0]?.chain);
    await alarm.waitFor({ state: 'hidden' });
  });

  test('shows the wait before the next try, and that heads are not known any more', async () => {
    const { lane } = scripted;
    lane.shown = { ...lane.shown, attempts: 2, next_retry_ms: 4200 };
    lane.go('backoff', 'network', 'The connection ended with 1006');
    await pill().filter({ hasText: 'Waiting to retry' }).waitFor();
    await page.getByText(/next try in \d s · 2 failed tries/).waitFor();
    await page.getByText('The connection ended with 1006').waitFor();
    expect(await row().textContent()).toContain('head not known');
    expect(await tile('Lag').textContent()).toContain('–');
  });

  test('shows all states and steps of the session: its own table, where it stands in it, and the steps taken', async () => {
    const machine = page.locator('.machine');
    await machine.locator('summary').click();
    const shown = await machine.locator('tbody tr').evaluateAll((rows) =>
      rows.map((row) => ({
        state: row.getAttribute('data-state'),
        current: row.getAttribute('aria-current'),
        steps: [...row.querySelectorAll('.step')].map((step) => [
          step.getAttribute('data-event'),
          step.getAttribute('data-to'),
        ]),
      })),
    );
    const expected = Object.entries(transitions).map(([state, row]) => ({
      state,
      current: state === 'backoff' ? 'step' : null,
      steps: Object.entries(row).filter(([, to]) => to !== '-'),
    }));
    expect(shown).toEqual(expected);
    const step = (from: string, event: string) =>
      machine.locator(`[data-state="${from}"] [data-event="${event}"]`).textContent();
    expect(await step('live', 'lost')).toBe('lost waiting to retry × 1');
    expect(await step('live', 'fatal')).toBe('fatal failed');
  });

  test('fits in 720 px without scrolling sideways', async () => {
    await page.setViewportSize({ width: 720, height: 900 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(720);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('meets no problem of its own, and none with its policy', () => {
    expect(problems).toEqual([]);
  });

  test('says plainly when the core is gone, and shows what it has as old', async () => {
    await scripted.desktop.close();
    const notice = page.getByRole('alert').filter({ hasText: 'The desktop core does not answer.' });
    await notice.waitFor();
    expect(await notice.textContent()).toMatch(/Everything below is old: as of \d\d:\d\d:\d\d/);
    expect(await pill().textContent()).toBe('Was: Waiting to retry');
    expect(await page.locator('main').getAttribute('data-lost')).toBe('true');
  });
});
