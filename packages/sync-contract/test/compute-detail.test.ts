import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type ComputeDetail,
  computeCapability,
  isCodedError,
  kindOfCapability,
  readComputeDetail,
  writeComputeDetail,
} from '../src/index.ts';

const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed());
const request = fc.record(
  {
    kind: fc.integer({ min: 5_000, max: 5_999 }),
    inputs: fc.array(fc.record({ data: text, type: fc.constantFrom('url', 'event', 'job', 'text') })),
    params: fc.array(fc.tuple(text, text)),
    output: text,
    customer: text,
    identity: text,
  },
  { requiredKeys: ['kind', 'inputs', 'params'] },
);
const detail: fc.Arbitrary<ComputeDetail> = fc.oneof(
  fc.record(
    { request, progress: fc.record({ part: fc.integer({ min: 1 }), text }) },
    { requiredKeys: ['request'], noNullPrototype: true },
  ),
  fc.record({ result: text }),
  fc.record({ error: text, retry: fc.boolean() }),
) as never;

const codeOf = (value: unknown) => {
  try {
    readComputeDetail(JSON.stringify(value));
    return 'read';
  } catch (error) {
    return isCodedError(error) ? error.code : error;
  }
};

describe('the detail of an assignment', () => {
  test('D1 is read as it was written', () => {
    fc.assert(
      fc.property(detail, (value) => {
        const copy = JSON.parse(JSON.stringify(value)) as ComputeDetail;
        expect(readComputeDetail(writeComputeDetail(copy))).toEqual(copy);
      }),
      { numRuns: 200 },
    );
  });

  test.each<[string, unknown]>([
    ['no object', []],
    ['no version', { result: 'x' }],
    ['another version', { result: 'x', v: 2 }],
    ['nothing that it says', { v: 1 }],
    ['a result that is no text', { result: 1, v: 1 }],
    ['a kind that is no request', { request: { inputs: [], kind: 6_050, params: [] }, v: 1 }],
    ['no inputs', { request: { kind: 5_050, params: [] }, v: 1 }],
    ['an input of no type', { request: { inputs: [{ data: 'x', type: 'file' }], kind: 5_050, params: [] }, v: 1 }],
    ['half a parameter', { request: { inputs: [], kind: 5_050, params: [['name']] }, v: 1 }],
    ['part 0', { progress: { part: 0, text: '' }, request: { inputs: [], kind: 5_050, params: [] }, v: 1 }],
  ])('D1 with %s is refused', (_what, value) => {
    expect(codeOf(value)).toBe('invalid_request');
  });

  test('D2 a capability names a kind, or something else', () => {
    expect(kindOfCapability(computeCapability(5_050))).toBe(5_050);
    for (const other of ['nip90:6050', 'nip90:50500', 'codex', 'nip90:'])
      expect(kindOfCapability(other)).toBeUndefined();
  });
});
