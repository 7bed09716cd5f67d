import type { DesktopState } from './desktop-state.ts';

/** The snapshot as JSON text, bigint as decimal text. */
export function stateJson(state: DesktopState): string {
  return JSON.stringify(state, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
