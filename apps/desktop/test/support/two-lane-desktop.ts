import type { DesktopOptions } from '../../src/start-desktop.ts';
import { type CutoverControl, cutoverControl } from './cutover-control.ts';
import { type ScriptedDesktop, startScripted } from './scripted-desktop.ts';
import { ScriptedLane } from './scripted-lane.ts';

/** A desktop with both lanes scripted, under a policy that a test changes. */
export interface TwoLaneDesktop extends Omit<ScriptedDesktop, 'lane'> {
  readonly control: CutoverControl;
  /** Every khala lane that was opened, the newest last. */
  readonly khala: ScriptedLane[];
  /** Every spacetime lane that was opened. */
  readonly spacetime: ScriptedLane[];
}

/** Starts one; without `control` its policy is Stage 0. */
export async function startTwoLanes(
  over: Partial<DesktopOptions> & { readonly cutover?: CutoverControl } = {},
): Promise<TwoLaneDesktop> {
  const { cutover: control = cutoverControl(), ...options } = over;
  const khala: ScriptedLane[] = [];
  const spacetime: ScriptedLane[] = [];
  const scripted = await startScripted({
    http: control.http,
    khala: { url: 'http://khala.test' },
    createLane: (token) => {
      const lane = new ScriptedLane(token);
      spacetime.push(lane);
      return lane;
    },
    ...options,
    comms: {
      loadKhala: async () => ({
        openKhalaLane: () => {
          const lane = new ScriptedLane(undefined, 'khala');
          khala.push(lane);
          return lane;
        },
      }),
      limits: { dwellMs: 1, lookEveryMs: 5, liveWithinMs: 2000, retryMs: 50 },
      pollMs: { shortest: 20, longest: 100 },
      heartbeatMs: { shortest: 20, longest: 200 },
      ...options.comms,
    },
  });
  const { desktop, dataDir, log, end } = scripted;
  return { desktop, dataDir, log, end, control, khala, spacetime };
}
