/** Resolves as soon as a condition holds; a test's own time limit ends a wait in vain. */
export async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 1; !(await condition()); looks += 1) {
    // At first as fast as it goes, for simulated time; then leaving the processor to what is waited for.
    if (looks < 1_000 && looks % 10 !== 0) await new Promise((resolve) => setImmediate(resolve));
    else await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
