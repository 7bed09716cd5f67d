import { primaryCommsToggle, toggles } from '@autopilot/cutover-flags';

/** What the environment says of the lanes, read once when the program starts. */
export interface Toggles {
  /** Every toggle that is set, by name: what the start-up check looks at. */
  readonly set: Readonly<Record<string, string>>;
  /** The value of the one that acts in Stage 1; undefined when it is not set. */
  readonly flag: string | undefined;
}

/** The only place that reads a toggle. */
export function readToggles(env: Readonly<Record<string, string | undefined>>): Toggles {
  const set: Record<string, string> = {};
  for (const name of toggles) {
    const value = env[name];
    if (value !== undefined) set[name] = value;
  }
  return { set, flag: set[primaryCommsToggle] };
}
