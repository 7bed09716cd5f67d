import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CompatibilityRequest, type CompatibilityWindow, isBuildId, negotiate } from '../src/index.ts';

const window: CompatibilityWindow = {
  protocol_version: ['spacetime.sync.v1', 'spacetime.sync.v2'],
  min_client_build_id: '20260201T000000Z',
  max_client_build_id: '20260601T000000Z',
  min_schema_version: 2,
  max_schema_version: 4,
};
const good: CompatibilityRequest = {
  client_build_id: '20260301T120000Z',
  protocol_version: 'spacetime.sync.v2',
  schema_version: 3,
};

describe('N1 the checks run in a fixed order', () => {
  // Each row repairs one more field, from the first check to the last.
  const everythingWrong = { client_build_id: 'yesterday', protocol_version: 'v0', schema_version: 9 };
  test.each<[CompatibilityRequest, string]>([
    [everythingWrong, 'invalid_client_build'],
    [{ ...everythingWrong, client_build_id: '20260101T000000Z' }, 'unsupported_protocol_version'],
    [{ ...good, client_build_id: '20260101T000000Z', schema_version: 9 }, 'unsupported_schema_version'],
    [{ ...good, client_build_id: '20260101T000000Z' }, 'upgrade_required'],
    [{ ...good, client_build_id: '20260601T000001Z' }, 'unsupported_client_build'],
    [good, 'accepted'],
  ])('%j is %s', (request, outcome) => {
    expect(negotiate(window, request).outcome).toBe(outcome);
  });

  test('both ends of every range are included', () => {
    for (const client_build_id of ['20260201T000000Z', '20260601T000000Z']) {
      for (const schema_version of [2, 4]) {
        for (const protocol_version of ['spacetime.sync.v1', 'spacetime.sync.v2']) {
          const answer = negotiate(window, { client_build_id, schema_version, protocol_version });
          expect(answer).toEqual({ outcome: 'accepted', protocol_version, schema_version });
        }
      }
    }
  });

  test('without an upper end every newer build is taken', () => {
    const open = { ...window, max_client_build_id: undefined, protocol_version: 'spacetime.sync.v2' };
    expect(negotiate(open, { ...good, client_build_id: '29991231T235959Z' }).outcome).toBe('accepted');
  });
});

describe('N2 missing and odd values never count as good', () => {
  test.each<[keyof CompatibilityRequest, string]>([
    ['client_build_id', 'invalid_client_build'],
    ['protocol_version', 'unsupported_protocol_version'],
    ['schema_version', 'unsupported_schema_version'],
  ])('without %s', (field, outcome) => {
    expect(negotiate(window, { ...good, [field]: undefined }).outcome).toBe(outcome);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 2.5, 1, 5])('schema version %p', (schema_version) => {
    expect(negotiate(window, { ...good, schema_version }).outcome).toBe('unsupported_schema_version');
  });

  test.each([
    { ...window, min_schema_version: Number.NaN },
    { ...window, max_schema_version: Number.NaN },
  ])('a window with NaN accepts nobody', (broken) => {
    expect(negotiate(broken, good).outcome).toBe('unsupported_schema_version');
  });

  test('a protocol is not matched by a part of its name', () => {
    const single = { ...window, protocol_version: 'spacetime.sync.v12' };
    expect(negotiate(single, { ...good, protocol_version: 'spacetime.sync.v1' }).outcome).toBe(
      'unsupported_protocol_version',
    );
  });
});

describe('N3 build ids', () => {
  test.each(['20260301T120000Z', '20240229T235959Z', '00010101T000000Z'])('%s', (text) => {
    expect(isBuildId(text)).toBe(true);
  });

  test.each([
    '',
    '20260301',
    '20260301T120000',
    '2026-03-01T12:00:00Z',
    '20260301t120000z',
    '20260301T120000Z\n',
    ' 20260301T120000Z',
    '20261301T000000Z',
    '20260230T000000Z',
    '20260301T240000Z',
    '20260301T126000Z',
    '٢٠٢٦٠٣٠١T120000Z',
  ])('%j is none', (text) => {
    expect(isBuildId(text)).toBe(false);
  });

  test('the order of the texts is the order of the times', () => {
    const times = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    const idOf = (time: Date) => `${time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    fc.assert(
      fc.property(times, times, (one, other) => {
        expect(isBuildId(idOf(one))).toBe(true);
        const [a, b] = [one, other].map((time) => Math.floor(time.getTime() / 1000));
        expect(Math.sign(idOf(one) < idOf(other) ? -1 : idOf(one) > idOf(other) ? 1 : 0)).toBe(
          Math.sign((a ?? 0) - (b ?? 0)),
        );
      }),
    );
  });
});
