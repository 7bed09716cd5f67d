import { ControlError } from '../errors.ts';
import type { KhalaTarget, KhalaTargetOptions } from './khala-target.ts';

// Not a literal: nothing but this name ties control to the file, and the file is gone in Stage 3.
const laneFile: string = '../lanes/khala.ts';

/**
 * Loads the khala lane of this build.
 *
 * @throws {ControlError} `khala_not_installed`.
 */
export async function loadKhala(options: KhalaTargetOptions): Promise<KhalaTarget> {
  let lane: { readonly openKhalaTarget: (options: KhalaTargetOptions) => Promise<KhalaTarget> };
  try {
    lane = await import(laneFile);
    return await lane.openKhalaTarget(options);
  } catch (cause) {
    if (cause instanceof ControlError) throw cause;
    throw new ControlError('khala_not_installed', 'This build of control does not hold the khala lane.', { cause });
  }
}
