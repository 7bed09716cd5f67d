import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyText, anyUtf16 } from '../../../testing/src/any-text.ts';
import { isCodedError, streamIdForTopic, topicForStreamId } from '../src/index.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('T1 topics and stream ids', () => {
  test.each([
    ['run:42:events', 'runtime.run.42.events'],
    ['', 'runtime.'],
    [':', 'runtime..'],
    ['a.b', 'runtime.a%2Eb'],
    ['a b%', 'runtime.a%20b%25'],
    ["!'()*~", 'runtime.%21%27%28%29%2A%7E'],
    ['ö', 'runtime.%C3%B6'],
    ['\u{1f600}', 'runtime.%F0%9F%98%80'],
    ['\u0000', 'runtime.%00'],
    ['Az09_-', 'runtime.Az09_-'],
  ])('%j', (topic, id) => {
    expect(streamIdForTopic(topic)).toBe(id);
    expect(topicForStreamId(id)).toBe(topic);
  });

  test('every well-formed topic comes back, and its id is plain ASCII', () => {
    fc.assert(
      fc.property(anyText(), (topic) => {
        const id = streamIdForTopic(topic);
        expect(id).toMatch(/^runtime\.[A-Za-z0-9_.%-]*$/);
        expect(topicForStreamId(id)).toBe(topic);
      }),
    );
  });

  test('two topics never share an id', () => {
    const texts = fc.string({ unit: fc.constantFrom(':', '.', '%', '2', 'E', '3', 'A', 'a', 'ö'), maxLength: 8 });
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        fc.pre(one !== other);
        expect(streamIdForTopic(one)).not.toBe(streamIdForTopic(other));
      }),
    );
  });
});

describe('T2 what is no topic or stream id is refused', () => {
  test.each(['\ud800', 'a\udc00', '\udc00\ud800'])('a topic with a lone surrogate: %j', (topic) => {
    expect(codeOf(() => streamIdForTopic(topic))).toBe('invalid_topic');
  });

  test('a topic with a lone surrogate anywhere in it', () => {
    fc.assert(
      fc.property(
        anyUtf16().filter((topic) => !topic.isWellFormed()),
        (topic) => {
          expect(codeOf(() => streamIdForTopic(topic))).toBe('invalid_topic');
        },
      ),
    );
  });

  test.each([
    ['no prefix', 'run.42'],
    ['nothing', ''],
    ['a lowercase escape', 'runtime.a%2eb'],
    ['an escape of a plain character', 'runtime.%41'],
    ['a raw colon', 'runtime.a:b'],
    ['an escaped colon', 'runtime.a%3Ab'],
    ['a raw space', 'runtime.a b'],
    ['a raw character beyond ASCII', 'runtime.ö'],
    ['a broken escape', 'runtime.%4'],
    ['no UTF-8', 'runtime.%FF'],
    ['an overlong form', 'runtime.%C0%AF'],
    ['an escaped surrogate', 'runtime.%ED%A0%80'],
    ['a raw lone surrogate', 'runtime.\ud800'],
    ['an uppercase prefix', 'Runtime.a'],
  ])('%s', (_name, id) => {
    expect(codeOf(() => topicForStreamId(id))).toBe('invalid_stream_id');
  });

  test('a text is an id in exactly one spelling', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('.', '%', '2', 'E', 'e', '4', '1', 'a', ':', ' '), maxLength: 10 }),
        (rest) => {
          const id = `runtime.${rest}`;
          let topic: string;
          try {
            topic = topicForStreamId(id);
          } catch (error) {
            return isCodedError(error) && error.code === 'invalid_stream_id';
          }
          return streamIdForTopic(topic) === id;
        },
      ),
    );
  });
});
