import { afterAll } from '@jest/globals';

const steps: (() => unknown)[] = [];

/** Has something undone when the test file has ended: what was made last goes first. */
export function atEnd(step: () => unknown): void {
  steps.push(step);
}

afterAll(async () => {
  for (const step of steps.splice(0).toReversed()) await step();
});
