import { describe, expect, test } from '@jest/globals';
import { waitFor } from '../src/index.ts';

describe('waitFor', () => {
  test('returns the first value that counts, zero and empty text included', async () => {
    let looks = 0;
    const value = await waitFor(() => [undefined, null, false, 0][looks++], { describe: 'a value', everyMs: 1 });
    expect(value).toBe(0);
    expect(looks).toBe(4);
  });

  test('says what it waited for and what it saw last', async () => {
    const waiting = waitFor(() => null, { describe: 'Godot', timeoutMs: 5, everyMs: 1 });
    await expect(waiting).rejects.toThrow('Waited in vain for Godot; last seen: null.');
  });

  test('a look that throws counts as not yet, and its message is kept', async () => {
    let looks = 0;
    const settled = await waitFor(
      () => {
        looks += 1;
        if (looks < 3) throw new Error('too early');
        return 'late';
      },
      { describe: 'a value', everyMs: 1 },
    );
    expect(settled).toBe('late');
    const waiting = waitFor(() => Promise.reject(new Error('broken')), { describe: 'it', timeoutMs: 5, everyMs: 1 });
    await expect(waiting).rejects.toThrow('last look failed: broken');
  });
});
