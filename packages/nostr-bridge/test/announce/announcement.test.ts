import { describe, expect, test } from '@jest/globals';
import { announcementTemplate } from '../../src/announce/announcement.ts';
import type { Announcement } from '../../src/index.ts';
import { codeOf } from '../support/bridge-file.ts';

const announcement: Announcement = { id: 'desk', kinds: [5_050, 5_002], profile: { name: 'Bob', about: 'text' } };

describe('an announcement', () => {
  test('A1 is handler information with its kinds, whatever their order, and its profile', () => {
    const template = announcementTemplate({ ...announcement, tags: [['web', 'https://bob.test/<bech32>', 'nevent']] });
    expect(template).toEqual({
      kind: 31_990,
      tags: [
        ['d', 'desk'],
        ['k', '5002'],
        ['k', '5050'],
        ['web', 'https://bob.test/<bech32>', 'nevent'],
      ],
      content: '{"about":"text","name":"Bob"}',
    });
    const same: Announcement = { id: 'desk', kinds: [5_002, 5_050, 5_002], profile: { about: 'text', name: 'Bob' } };
    expect(announcementTemplate(same)).toEqual(announcementTemplate(announcement));
    expect(announcementTemplate({ id: 'desk', kinds: [1] }).content).toBe('');
  });

  test.each<[string, object]>([
    ['no id', { id: '' }],
    ['an id that is too long', { id: 'x'.repeat(257) }],
    ['no kind', { kinds: [] }],
    ['kinds that are no list', { kinds: 5_050 }],
    ['a kind that is none', { kinds: [Number.NaN] }],
    ['a kind beyond all', { kinds: [65_536] }],
    ['a tag of its own kinds', { tags: [['k', '1']] }],
    ['a tag without a name', { tags: [[]] }],
    ['a tag that is none', { tags: [[5]] }],
    ['a profile that is none', { profile: [] }],
    ['a profile that is no JSON', { profile: { at: Number.NaN } }],
    ['a profile that is too long', { profile: { about: 'x'.repeat(70_000) } }],
  ])('A1 with %s is refused', async (_what, changes) => {
    expect(await codeOf(() => announcementTemplate({ ...announcement, ...changes }))).toBe('invalid_option');
  });
});
