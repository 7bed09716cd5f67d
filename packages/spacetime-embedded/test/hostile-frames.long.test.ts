import { expect, test } from '@jest/globals';
import { attack } from './fuzz/attack.ts';
import { Canaries } from './fuzz/canaries.ts';

/** `npm run fuzz` sends more of them. */
const frames = 800;
const seed = Math.floor(Math.random() * 2 ** 31);

test(`W15 ${frames} hostile frames (seed ${seed}): no crash, no row of others, and the endings of W10`, async () => {
  const report = await attack({ frames, seed });
  expect(report.frames).toBe(frames);
  expect(report.connections).toBeGreaterThan(frames / 20);
  expect(report.honestRounds).toBeGreaterThan(5);
  expect(report.endings['1011']).toBeGreaterThan(frames / 40);
  expect(Object.keys(report.endings).filter((ending) => !['1006', '1011', 'left'].includes(ending))).toEqual([]);
}, 60_000);

test('W15 the search for texts of others finds them', () => {
  const canaries = new Canaries();
  const [own, theirs] = [canaries.hatch('one', '0'.repeat(16)), canaries.hatch('other', '1'.repeat(16))];
  canaries.check('one', Buffer.from(`\u0000${own} and a canary-of nobody`));
  expect(() => canaries.check('one', Buffer.from(`${own}${theirs}`))).toThrow('one got a text of other');
  expect(() => canaries.check('one', Buffer.from('canary-of-the-module'))).toThrow('a text of the module');
});
