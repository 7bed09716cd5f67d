import { expect, test } from '@jest/globals';
import { patience, runBench } from './run-bench.ts';

test(
  'nostr-verify finds every event good, by four ways',
  async () => {
    const needed = ['cpu_us', 'wall_us', 'per_core', 'nostr_tools_takes', 'nostr_tools_takes_by_clock'];
    const figures = await runBench('nostr-verify', ['20', '10,300', '2'], needed);
    expect(figures.map(({ content, name, counted }) => [content, name, counted])).toEqual(
      [10, 300].flatMap((content) => [
        [content, 'nostr-tools', 40],
        [content, 'nostr-tools/wasm', 40],
        [content, 'verifier of the bridge', 40],
        [content, 'frame to accepted', 40],
      ]),
    );
  },
  patience,
);
