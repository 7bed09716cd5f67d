import type { GateObservation } from './gate.ts';

/** The observation that a JSON value holds. Strict. @throws {CutoverError} `invalid_observation` */
export function parseObservation(_value: unknown): GateObservation {
  throw new Error('not yet');
}
