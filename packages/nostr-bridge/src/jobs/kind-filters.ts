import type { Filter } from '../relay/relay-subscriptions.ts';

/** Relays refuse filters with more. */
const mostKinds = 20;

/** Filters that ask for all these kinds together, none of them longer than relays take. */
export function kindFilters(kinds: readonly number[], more: Filter): readonly Filter[] {
  const different = [...new Set(kinds)];
  const count = Math.ceil(different.length / mostKinds);
  return Array.from({ length: count }, (_, n) => ({
    ...more,
    kinds: different.slice(n * mostKinds, (n + 1) * mostKinds),
  }));
}
