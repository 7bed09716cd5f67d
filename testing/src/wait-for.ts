/** Options of {@link waitFor}. */
export interface WaitForOptions {
  /** Milliseconds until it gives up. Default 5000. */
  readonly timeoutMs?: number;
  /** What is waited for, for the message; a function is asked only when the wait was in vain. */
  readonly describe: string | (() => string | Promise<string>);
  /** Milliseconds between two looks. Default 5. */
  readonly everyMs?: number;
}

/**
 * Looks again and again until `look` returns something other than false, null or undefined, and returns that. A `look`
 * that throws counts as not yet.
 *
 * @throws {Error} after `timeoutMs`, saying what was waited for and what the last look gave.
 */
export async function waitFor<T>(
  look: () => T | Promise<T>,
  options: WaitForOptions,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + (options.timeoutMs ?? 5000);
  for (;;) {
    let last: string;
    try {
      const seen = await look();
      if (seen !== false && seen !== null && seen !== undefined) return seen as Exclude<T, false | null | undefined>;
      last = `last seen: ${String(seen)}`;
    } catch (error) {
      last = `last look failed: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() >= deadline) {
      const what = typeof options.describe === 'string' ? options.describe : await options.describe();
      throw new Error(`Waited in vain for ${what}; ${last}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 5));
  }
}
