import { ControlError } from '../errors.ts';
import type { OpenKhala } from './khala-target.ts';

// Not a literal in the import: nothing but this name ties control to the file, and the file is gone in Stage 3.
const laneFile = '../lanes/khala.ts';

/**
 * Loads the khala lane of this build, and opens it.
 *
 * @throws {ControlError} `khala_not_installed` when the build does not hold it.
 */
export async function loadKhala(options: Parameters<OpenKhala>[0], file: string = laneFile): ReturnType<OpenKhala> {
  let lane: { readonly openKhalaTarget: OpenKhala };
  try {
    lane = await import(file);
  } catch (cause) {
    throw new ControlError('khala_not_installed', 'This build of control does not hold the khala lane.', { cause });
  }
  return lane.openKhalaTarget(options);
}
