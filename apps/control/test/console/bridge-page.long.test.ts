import { findChromium } from '@autopilot/testing/find-chromium';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { BridgeStanding } from '../../console/src/bridge-types.ts';
import { asStatus, bridgeScene, endedScene, longRelay, silentScene } from '../support/bridge-scenes.ts';
import { buildConsole, launchBrowser, picture, tabTo, watchProblems } from '../support/browser.ts';
import { startConsole } from '../support/console-seeds.ts';
import type { CutoverHarness } from '../support/cutover.ts';

const chromium = findChromium('the console');
const withBrowser = chromium === undefined ? describe.skip : describe;
const config = { relays: ['wss://relay-one.example'], kinds: [5_050], secretKey: new Uint8Array(32).fill(1) };

jest.setTimeout(60_000);

withBrowser('the bridge on the console', () => {
  let built: string;
  let browser: Browser;
  let it: CutoverHarness;
  let page: Page;
  let problems: string[];
  let scene: BridgeStanding = silentScene;

  async function open(at: CutoverHarness): Promise<Page> {
    const opened = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    opened.setDefaultTimeout(20_000);
    problems = watchProblems(opened);
    await opened.goto(`${at.control.url}/console`);
    await opened.getByLabel('Client id').fill('reader');
    await opened.getByLabel('Secret').fill('reader');
    await opened.getByRole('button', { name: 'Sign in' }).click();
    await opened.locator('#bridge').waitFor();
    return opened;
  }

  const panel = () => page.locator('#bridge');
  const row = (url: string) => panel().locator('tbody tr', { has: page.getByText(url, { exact: true }) });
  const fact = (name: string) => panel().locator(`dt:text-is("${name}") + dd`);

  /** Pictures of the panel in both schemes and three widths; nothing sticks out in any of them. */
  async function look(name: string): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 820, 420]) {
        await page.setViewportSize({ width, height: 900 });
        expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, width]);
        expect(
          await panel().evaluate((element) => (element as unknown as { scrollWidth: number }).scrollWidth),
        ).toBeLessThanOrEqual(width);
        await picture(panel(), `bridge-${name}-${colorScheme}-${width}`);
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  }

  beforeAll(async () => {
    built = buildConsole();
    browser = await launchBrowser(chromium ?? '');
    it = await startConsole(built, {
      bridge: config,
      openBridge: () => ({ status: () => asStatus(scene), notePaid: async () => {}, close: async () => {} }),
    });
    page = await open(it);
  });
  afterAll(async () => {
    await browser?.close();
    await it?.control.close();
  });

  test('B2: a process that has said nothing yet has no numbers', async () => {
    await panel().getByText('Supplemental: no stage, gate or lane depends on it.').waitFor();
    await panel().getByText('starting', { exact: true }).waitFor();
    await panel().getByText('It has said nothing of itself yet: 1 start so far.').waitFor();
    expect(await panel().locator('table, dl').count()).toBe(0);
    await look('starting');
  });

  test('a running process: relays with their deliveries, kinds, jobs, and what came in', async () => {
    scene = bridgeScene(Date.now());
    await panel().getByText('running', { exact: true }).waitFor();
    expect(await panel().locator('[data-past="true"]').count()).toBe(0);
    expect(await row(longRelay).textContent()).toBe(
      `${longRelay}not connectedbreaker openconnect deadlineNobody answered within 10 s.9,87475314`,
    );
    expect(await row('wss://relay-one.example').textContent()).toContain('connectedbreaker closednone10,412030');
    expect(await row(longRelay).locator('.badge').getAttribute('data-tone')).toBe('warn');
    expect(await fact('Database session').textContent()).toBe('live');
    expect(await fact('Kinds announced').textContent()).toBe('5050, 5100');
    expect(await fact('Oldest pending').textContent()).toMatch(/^12 m 3\d s535 deliveries pending$/);
    expect(await fact('Jobs of others').textContent()).toBe('2 quoted, 3 processing, 1,204 done');
    expect(await fact('Came in').textContent()).toContain(
      '1,209 accepted, 2,418 duplicates, refused: 14 wrong signature, 3 too old, 2 wrong id',
    );
    expect(await fact('Visits').textContent()).toContain('now at wss://nostr.example');
    await look('running');
  });

  test('B2: numbers of a process that is over are said to be its last word', async () => {
    scene = endedScene(Date.now());
    await panel().getByText('waits for its restart').waitFor();
    await panel().getByText('It said nothing for 10 s.').waitFor();
    expect(await panel().locator('.last-word').textContent()).toMatch(
      /^As of its last word, 5 m 1\d s ago: what follows is not how it stands now\.$/,
    );
    expect(await panel().locator('.badge[data-tone="good"]').count()).toBe(0);
    expect(await row('wss://relay-one.example').textContent()).toContain('was connected');
    expect(await fact('Database session').textContent()).toBe('nonewas live');
    expect(await fact('Kinds announced').textContent()).toBe('not known nowlast: 5050, 5100');
    await look('waiting');
  });

  test('is reached by the keyboard', async () => {
    await tabTo(page, 'Nostr bridge');
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).hash).toBe('#bridge');
    expect(problems).toEqual([]);
  });

  test('without a bridge it is one quiet line, and the page is whole when control does not say', async () => {
    await page.context().close();
    const none = await startConsole(built);
    page = await open(none);
    await panel().getByText('Not configured. It is supplemental: no stage, gate or lane depends on it.').waitFor();
    expect(await panel().locator('.badge, table, dl').count()).toBe(0);
    await look('none');
    // As a control that is older than the route, and one where the route fails.
    await page.route('**/v1/bridge', (route) => route.fulfill({ status: 404, json: { code: 'not_found' } }));
    await panel().getByText('Not known: control did not say.').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(problems).toEqual([]);
    await page.context().close();
    await none.control.close();
  });
});
