import { defaultCutoverConfig } from '@autopilot/cutover-flags';
import { findChromium } from '@autopilot/testing/find-chromium';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { buildConsole, launchBrowser, picture, tabTo, watchProblems } from '../support/browser.ts';
import { agingPorts, beats, compare, flip, gate, ready, shownConfig, startConsole } from '../support/console-seeds.ts';
import type { CutoverHarness } from '../support/cutover.ts';

const chromium = findChromium('the console');
const withBrowser = chromium === undefined ? describe.skip : describe;
const fleet = Array.from({ length: 12 }, (_, index) => `desktop-${index + 1}`);

jest.setTimeout(120_000);

withBrowser('the console', () => {
  let built: string;
  let browser: Browser;
  const problems: string[][] = [];

  beforeAll(async () => {
    built = buildConsole();
    browser = await launchBrowser(chromium ?? '');
  });
  afterAll(async () => {
    await browser?.close();
  });

  afterEach(async () => {
    // A page whose control has ended would go on asking for it.
    for (const context of browser.contexts()) await context.close();
  });

  async function open(
    it: CutoverHarness,
    as: string,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<Page> {
    const context: BrowserContext = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    problems.push(watchProblems(page));
    await page.goto(`${it.control.url}/console`);
    await page.getByLabel('Client id').fill(as);
    await page.getByLabel('Secret').fill(as);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Cutover console' }).waitFor();
    return page;
  }

  const panel = (page: Page, id: string) => page.locator(`#${id}`);
  const text = async (page: Page, selector: string) => ((await page.locator(selector).textContent()) ?? '').trim();

  test('Stage 0, fresh: says what is missing, and nothing that is not known is green', async () => {
    const it = await startConsole(built, { cutover: { config: defaultCutoverConfig } });
    const page = await open(it, 'anna');
    await page.locator('[aria-current="step"]', { hasText: 'hidden validation' }).waitFor();
    await panel(page, 'plan').getByText('Not ready', { exact: true }).waitFor();
    expect(await panel(page, 'plan').locator('[data-requirement="gate:parity"]').getAttribute('data-status')).toBe(
      'missing',
    );
    expect(await panel(page, 'gates').locator('.badge[data-tone="good"]').count()).toBe(0);
    await page.getByText('No unit has reported yet.').waitFor();
    await page.getByText('No unit has reported a comparison in that time.').waitFor();
    await page.getByText('Nothing has been noted on this lane yet.').first().waitFor();
    const request = page.getByRole('button', { name: 'Request Stage 1 …' });
    expect(await request.getAttribute('aria-disabled')).toBe('true');
    await request.click({ force: true });
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await text(page, '#plan .next-steps')).toContain('Run the gate parity and submit its receipt.');
    await picture(page, 'fresh');
    await it.control.close();
  });

  test('Stage 1 with a request: an own request cannot be approved and says why, another one can', async () => {
    const ports = agingPorts();
    const it = await startConsole(built, { ports, cutover: { config: shownConfig } });
    await compare(it, ports, 40);
    await flip(it, 1, fleet);
    await it.act('anna', 'cohort', { percent: 50, include: [], exclude: [] });
    await it.act('anna', 'cohort', { percent: 100 });
    await beats(it, fleet);
    await beats(it, fleet);
    for (const id of ['rulebook', 'router-handover', 'token-refresh'] as const) await gate(it, id);
    await gate(it, 'parity', {
      counts: { cases: 60, failed: 0, skipped: 0, events: 61_000 },
      measures: { match_ratio: 1, clock_rate: 1 },
    });
    await ready(it, 2);
    const asked = await it.act('anna', 'requests', { to: 2, reason: 'All desktops have been fine for a day.' });
    expect(asked.status).toBe(200);
    const own = await open(it, 'anna');
    await own.getByText('You asked for it: somebody else has to approve.').waitFor();
    expect(await own.getByRole('button', { name: 'Approve …' }).getAttribute('aria-disabled')).toBe('true');

    const page = await open(it, 'bert');
    await page.getByText('Waits for 2 approvals').waitFor();
    await picture(page, 'waiting');
    await page.getByRole('button', { name: 'Approve …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('requirements that this approval stands for').waitFor();
    const { plan_digest } = asked.body.state.flip;
    expect(await dialog.locator('code').first().getAttribute('title')).toBe(plan_digest);
    await dialog.getByRole('button', { name: 'Approve this plan' }).click();
    await dialog.getByText('Say why').waitFor();
    await picture(page, 'approve', false);
    await dialog.getByLabel('Reason').fill('Looked at parity and lag.');
    await dialog.getByRole('button', { name: 'Approve this plan' }).click();
    await page.getByText('Waits for 1 approval', { exact: true }).waitFor();
    const { approvals } = (await it.status()).state.flip;
    expect(approvals).toMatchObject([{ by: 'bert', plan_digest, reason: 'Looked at parity and lag.' }]);
    await page.getByText('You have approved it.').waitFor();
    await page.getByText('chain verified').waitFor();
    await page.setViewportSize({ width: 1280, height: 1000 });
    await picture(page, 'console', false);

    const dark = await open(it, 'cleo', { colorScheme: 'dark' });
    await dark.getByText('Waits for 1 approval', { exact: true }).waitFor();
    await picture(dark, 'dark');
    await picture(dark, 'dark-top', false);
    await dark.setViewportSize({ width: 720, height: 900 });
    expect(await dark.evaluate('document.documentElement.scrollWidth')).toBe(720);
    await picture(dark, 'narrow-dark');
    const narrow = await open(it, 'reader', { viewport: { width: 720, height: 900 } });
    await narrow.getByText('may see everything here and do nothing').waitFor();
    await picture(narrow, 'narrow');
    expect(await narrow.evaluate('document.documentElement.scrollWidth')).toBe(720);
    await it.control.close();
  });

  test('a failed parity gate is red, holds the step, and its samples are readable diffs', async () => {
    const ports = agingPorts();
    const it = await startConsole(built, {
      ports,
      cutover: {
        config: { ...shownConfig, steps: { ...shownConfig.steps, enter_1: shownConfig.steps.enter_2 }, triggers: [] },
      },
    });
    await compare(it, ports, 40, true);
    await it.fill(fleet);
    await beats(it, fleet);
    await it.beat('desktop-3', { policy_revision: 0, stage: 0 });
    await gate(it, 'rulebook');
    await gate(it, 'parity', {
      verdict: 'fail',
      reason: '252 of 40,000 positions differ.',
      measures: { match_ratio: 0.99 },
    });
    await gate(it, 'token-refresh', { verdict: 'inconclusive', reason: 'One case was skipped.' });
    const page = await open(it, 'anna');
    const parity = panel(page, 'plan').locator('[data-requirement="gate:parity"]');
    await parity.waitFor();
    expect(await parity.getAttribute('data-status')).toBe('failed');
    const row = (id: string) => page.locator(`#gates tr[data-gate="${id}"] td .badge`);
    expect([await row('parity').textContent(), await row('parity').getAttribute('data-tone')]).toEqual([
      'failed',
      'bad',
    ]);
    expect(await row('token-refresh').getAttribute('data-tone')).toBe('warn');
    expect(await row('rulebook').getAttribute('data-tone')).toBe('good');
    expect(await row('removal').getAttribute('data-tone')).toBe('idle');
    const ratio = await text(page, '.ratio');
    expect(ratio).toMatch(/^9\d\.\d+ % matched: [\d,]+ of [\d,]+ compared positions, .* more excused by rules/);
    expect(ratio).toContain('40 windows of 1 unit');
    expect(await page.locator('.stack rect[data-result="mismatch"]').count()).toBeGreaterThan(3);
    const first = page.locator('.sample').first();
    await first.locator('summary').click();
    expect(await first.locator('.diff').textContent()).toContain('/item/status"completed""failed"');
    expect(await first.locator('.diff').textContent()).toContain('absent');
    await page.locator('#lag tr', { hasText: 'desktop-3' }).getByText('revision behind').waitFor();
    await picture(page, 'failed-parity');
    await it.control.close();
  });

  test('units are put on a list for a time and taken off again, and the others on it stay', async () => {
    const it = await startConsole(built, { cutover: { config: quick() } });
    await flip(it, 1);
    const until = (await it.status()).now + 7_200_000;
    const first = { unit: 'u9', until, reason: 'An early adopter.' };
    expect((await it.act('anna', 'cohort', { include: [first] })).status).toBe(200);
    const page = await open(it, 'bert');
    const cohort = panel(page, 'cohort');
    await cohort.getByRole('button', { name: 'Put units on a list …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('They asked for it.');
    await dialog.getByRole('button', { name: 'Put them there' }).click();
    await dialog.getByText('Name at least one unit.').waitFor();
    await dialog.getByLabel('Units').fill('u1, u2 u1');
    await picture(page, 'lists', false);
    await dialog.getByRole('button', { name: 'Put them there' }).click();
    await cohort.getByText('They asked for it.').first().waitFor();
    await picture(page, 'listed', false);
    const units = async () => (await it.status()).state.cohort.include.map((entry: { unit: string }) => entry.unit);
    expect(await units()).toEqual(['u9', 'u1', 'u2']);
    expect((await it.status()).state.cohort.include[1]).toMatchObject({ reason: 'They asked for it.' });
    await cohort.getByRole('button', { name: 'Take off …' }).nth(1).click();
    await dialog.getByText('They asked for it.').waitFor();
    await dialog.getByLabel('Reason').fill('No more.');
    await dialog.getByRole('button', { name: 'Take it off' }).click();
    await dialog.waitFor({ state: 'hidden' });
    expect(await units()).toEqual(['u9', 'u2']);
    await it.control.close();
  });

  test('a fallback in Stage 2 is loud, and is ended from the page', async () => {
    const it = await startConsole(built, { cutover: { config: quick() } });
    await flip(it, 1);
    await flip(it, 2);
    const { now } = await it.status();
    const begun = await it.act('anna', 'fallback', { incident: 'INC-42', expires_at: now + 7_200_000, units: 'all' });
    expect(begun.status).toBe(200);
    const page = await open(it, 'bert');
    const alarm = page.getByRole('alert').filter({ hasText: 'Emergency fallback in force: INC-42' });
    await alarm.waitFor();
    await page.getByText('Emergency INC-42 is not cleared').waitFor();
    await picture(page, 'fallback');
    await alarm.getByRole('button', { name: 'End …' }).click();
    await page.getByLabel('Reason').fill('It is over.');
    await page.getByRole('button', { name: 'End it now' }).click();
    await alarm.waitFor({ state: 'hidden' });
    expect((await it.status()).state.fallback).toBeNull();
    await it.control.close();
  });

  test('sealed: there is no next step and no way back, and it says so', async () => {
    const it = await startConsole(built, { cutover: { config: quick() } });
    for (const to of [1, 2, 3] as const) await flip(it, to);
    await gate(it, 'rulebook');
    const id = await it.approved('sealed');
    expect((await it.act('anna', `requests/${id}/advance`)).status).toBe(200);
    const page = await open(it, 'anna');
    await page.getByText('There is none: Stage 3 is sealed').waitFor();
    expect(await page.locator('.seal').textContent()).toBe('sealed');
    const back = page.getByRole('button', { name: 'Roll back …' });
    expect(await back.getAttribute('aria-disabled')).toBe('true');
    await picture(page, 'sealed');
    await it.control.close();
  });

  test('without the scope nobody gets in, and a reader gets no button', async () => {
    const it = await startConsole(built);
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${it.control.url}/console`);
    const enter = async (id: string, secret: string) => {
      await page.getByLabel('Client id').fill(id);
      await page.getByLabel('Secret').fill(secret);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await enter('desktop', 'desktop');
    await page.getByRole('alert').filter({ hasText: 'it has not the scope cutover.read' }).waitFor();
    await picture(page, 'no-permission');
    await enter('reader', 'wrong');
    await page.getByRole('alert').filter({ hasText: 'The client id or the secret is wrong.' }).waitFor();
    await enter('reader', 'reader');
    await page.getByText('reader may see everything here and do nothing').waitFor();
    expect(await page.getByRole('button', { name: /Roll back|Request|Waive|fallback/ }).count()).toBe(0);
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Client id').waitFor();
    await it.control.close();
  });

  test('a flip from the request to its end, by keyboard alone', async () => {
    const it = await startConsole(built, { cutover: { config: quick() } });
    await it.fill();
    await gate(it, 'rulebook');
    await ready(it, 1);
    const signIn = async (as: string) => {
      const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
      page.setDefaultTimeout(20_000);
      problems.push(watchProblems(page));
      await page.goto(`${it.control.url}/console`);
      await page.getByLabel('Client id').waitFor();
      await page.keyboard.type(as);
      await page.keyboard.press('Tab');
      await page.keyboard.type(as);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Cutover console' }).waitFor();
      await page.getByText('Reading the cutover').waitFor({ state: 'hidden' });
      await page.locator('#plan').waitFor();
      return page;
    };
    const act = async (page: Page, button: RegExp, confirm: string, reason: string) => {
      await tabTo(page, button);
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      await tabTo(page, 'Reason');
      await page.keyboard.type(reason);
      await tabTo(page, confirm);
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
    };
    const anna = await signIn('anna');
    await anna.keyboard.press('Tab');
    expect(await anna.evaluate('document.activeElement.className')).toBe('skip');
    await anna.keyboard.press('Enter');
    expect(await anna.evaluate('document.activeElement.id')).toBe('content');
    // Escape closes, focus goes back, and what was typed is still there when it is opened again.
    await tabTo(anna, 'Request Stage 1 …');
    await anna.keyboard.press('Enter');
    await anna.getByRole('dialog').waitFor();
    await tabTo(anna, 'Reason');
    await anna.keyboard.type('Parity has held ');
    for (let presses = 0; presses < 12; presses += 1) {
      await anna.keyboard.press('Tab');
      expect(await anna.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true);
    }
    await anna.keyboard.press('Escape');
    await anna.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await anna.evaluate('document.activeElement.textContent')).toBe('Request Stage 1 …');
    await anna.keyboard.press('Enter');
    await anna.getByRole('dialog').waitFor();
    expect(await anna.getByLabel('Reason').inputValue()).toBe('Parity has held ');
    await anna.keyboard.press('End');
    await anna.keyboard.type('for a week.');
    await tabTo(anna, 'Request');
    await anna.keyboard.press('Enter');
    await anna.getByText('Waits for 2 approvals').waitFor();

    for (const name of ['bert', 'cleo']) {
      const page = await signIn(name);
      await act(page, /^Approve …$/, 'Approve this plan', `${name} agrees.`);
      await page.context().close();
    }
    await anna.getByText('Approved: waits to be carried out').waitFor();
    await act(anna, /^Advance …$/, 'Advance now', 'Nobody is on call for anything else.');
    await anna.getByText('Waits for the units to acknowledge').waitFor();
    await picture(anna, 'flipping');
    await beats(it, ['u1', 'u2']);
    await anna.locator('[aria-current="step"]', { hasText: 'flag primary' }).getByText('Here').waitFor();
    const { state } = await it.status();
    expect(state).toMatchObject({ stage: 1, last_flip: { outcome: 'done' } });
    const { records } = (await it.get('audit?limit=100')).body;
    expect(
      records.map((record: { actor: string; event: string; reason: string }) => [record.actor, record.reason]),
    ).toEqual(
      expect.arrayContaining([
        ['anna', 'Parity has held for a week.'],
        ['cleo', 'cleo agrees.'],
        ['anna', 'Nobody is on call for anything else.'],
      ]),
    );

    // And back again: two steps, by keyboard too.
    await tabTo(anna, 'Roll back …');
    await anna.keyboard.press('Enter');
    await tabTo(anna, 'Reason');
    await anna.keyboard.type('A drill.');
    await tabTo(anna, 'Continue …');
    await picture(anna, 'rollback-first', false);
    await anna.keyboard.press('Enter');
    await anna.getByText('Stage 1 (flag primary) becomes Stage 0').waitFor();
    await picture(anna, 'rollback', false);
    await tabTo(anna, 'Roll back now');
    await anna.keyboard.press('Enter');
    await anna.locator('[aria-current="step"]', { hasText: 'hidden validation' }).waitFor();
    expect((await it.status()).state.stage).toBe(0);
    await it.control.close();
  });

  test('somebody was faster: the refusal is shown in place with what changed, and nothing typed is lost', async () => {
    const it = await startConsole(built, { cutover: { config: quick() } });
    await flip(it, 1);
    const page = await open(it, 'anna');
    await page.getByRole('button', { name: 'Enlarge to 50 % …' }).click();
    await page.getByLabel('Reason').fill('Half of them.');
    const taken = await it.act('bert', 'waivers', {
      gate: 'token-refresh',
      owner: 'cleo',
      expires_at: (await it.status()).now + 3_600_000,
      reason: 'The gate is being repaired.',
    });
    expect(taken.status).toBe(200);
    await page.getByRole('button', { name: 'Set 50 %' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Somebody was faster.').waitFor();
    await dialog.getByText('bert: waiver added. The gate is being repaired.').waitFor();
    await dialog.getByText('state_conflict').waitFor();
    await picture(page, 'conflict', false);
    expect((await it.status()).state.cohort.percent).toBe(0);
    expect(await page.getByLabel('Reason').inputValue()).toBe('Half of them.');
    await dialog.getByRole('button', { name: /I have read this/ }).click();
    await dialog.getByRole('button', { name: 'Set 50 %' }).click();
    await dialog.waitFor({ state: 'hidden' });
    expect((await it.status()).state.cohort.percent).toBe(50);
    await it.control.close();
  });

  test('a rehearsal is loud, and a gate is evaluated by who may', async () => {
    const it = await startConsole(built, { cutover: { config: quick(), clockRate: 60 } });
    const page = await open(it, 'anna');
    await page.getByText('Rehearsal: the cutover clock runs 60 times as fast').waitFor();
    await page.getByText('Evaluating needs the scope cutover.submit.').waitFor();
    expect(await page.getByRole('button', { name: 'Evaluate …' }).count()).toBe(0);
    await it.control.close();
  });

  test('when control is gone the page says so, greys what it has, and sends nothing', async () => {
    const it = await startConsole(built, { cutover: { config: quick() } });
    await flip(it, 1);
    const page = await open(it, 'anna');
    await page.locator('#plan').waitFor();
    await it.control.close();
    const notice = page.getByRole('alert').filter({ hasText: 'Control does not answer.' });
    await notice.waitFor();
    expect(await notice.textContent()).toContain('Everything below is old');
    await page.getByText('Not connected').waitFor();
    expect(await page.locator('main').getAttribute('data-lost')).toBe('true');
    expect(await page.evaluate('getComputedStyle(document.querySelector(".content")).filter')).toBe('grayscale(1)');
    expect(await page.getByRole('button', { name: 'Roll back …' }).getAttribute('aria-disabled')).toBe('true');
    await picture(page, 'gone');
  });

  test('no page met a problem of its own, or one with its policy', () => {
    expect(problems.length).toBeGreaterThan(8);
    expect(problems.flat()).toEqual([]);
  });
});

function quick() {
  return { ...shownConfig, steps: { ...shownConfig.steps, enter_2: shownConfig.steps.enter_3 } };
}
