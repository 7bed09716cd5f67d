import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { findChromium } from '@autopilot/testing/find-chromium';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Report } from '../../src/rehearse/report.ts';
import { reportPage } from '../../src/rehearse/report-page.ts';
import type { Mark } from '../../src/rehearse/timeline.ts';

jest.setTimeout(60_000);

const executablePath = findChromium('the report of a rehearsal');
const withBrowser = executablePath === undefined ? describe.skip : describe;

/** What a quick rehearsal left. */
const quick = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'fixtures', 'quick-report.json'), 'utf8'),
) as Report;

/** Many marks at the same times, up to the very end. */
const crowded: Report = {
  ...quick,
  marks: Array.from({ length: 60 }, (_, n): Mark => {
    const at = quick.seconds * (n < 30 ? 0.5 + n / 200 : 0.9 + (n - 30) / 300);
    const kinds = ['flip', 'cohort', 'rollback', 'fault', 'defect'] as const;
    return { at, kind: kinds[n % 5] ?? 'note', text: n % 5 === 0 ? 'to Stage 1' : '100 %' };
  }),
};

interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const boxes = (page: Page, selector: string) =>
  page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => {
    const { left, right, top, bottom } = e.getBoundingClientRect();
    return { text: e.textContent, left, right, top, bottom };
  })`) as Promise<Box[]>;

withBrowser('the report in a browser', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'report-test-'));
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    browser = await chromium.launch({ executablePath: executablePath ?? '', args });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(report: Report, width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const file = path.join(folder, 'report.html');
    writeFileSync(file, reportPage(report));
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    await page.goto(pathToFileURL(file).href);
    const pictures = process.env.AUTOPILOT_SCREENSHOTS;
    if (pictures !== undefined && pictures !== '') {
      const name = `report-${report === quick ? 'quick' : 'crowded'}-${colorScheme}-${width}.png`;
      await page.screenshot({ path: path.join(pictures, name), fullPage: true });
    }
    return page;
  }

  test.each([
    ['a quick rehearsal', quick, 1280, 'light'],
    ['a quick rehearsal', quick, 420, 'dark'],
    ['many marks', crowded, 1280, 'dark'],
    ['many marks', crowded, 420, 'light'],
  ] as const)(
    'of %s stays within its bounds: no label is cut off or hidden by another (%#)',
    async (_of, report, width, scheme) => {
      const page = await open(report, width, scheme);
      const [plot] = await boxes(page, 'svg.timeline');
      const texts = await boxes(page, 'svg.timeline text');
      expect(texts.length).toBeGreaterThan(20);
      const outside = texts.filter(
        ({ left, right, top, bottom }) =>
          plot === undefined || left < plot.left || right > plot.right || top < plot.top || bottom > plot.bottom,
      );
      expect(outside).toEqual([]);
      const overlapping = texts.flatMap((a, index) =>
        texts
          .slice(index + 1)
          // Lines of text touch: their boxes are higher than their letters.
          .filter((b) => a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
          .map((b) => `${a.text} and ${b.text}`),
      );
      expect(overlapping).toEqual([]);
      const [wide, inner] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as number[];
      expect(wide).toBe(inner);
      await page.close();
    },
  );

  test('of a rehearsal that was sealed shows the way up to Stage 3', async () => {
    const page = await open(quick, 1280, 'light');
    const [line] = await boxes(page, 'path[data-band="stage"]');
    const axis = await boxes(page, 'svg.timeline text.axis');
    const middle = (name: string) => {
      const label = axis.find(({ text }) => text === name);
      return label === undefined ? Number.NaN : (label.top + label.bottom) / 2;
    };
    expect(Math.abs((line?.top ?? Number.NaN) - middle('3'))).toBeLessThan(6);
    expect(Math.abs((line?.bottom ?? Number.NaN) - middle('0'))).toBeLessThan(6);
    await page.close();
  });
});
