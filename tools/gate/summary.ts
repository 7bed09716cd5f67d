import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { GateId, GateObservation } from '../../packages/cutover-flags/src/gates/gate.ts';
import type { TrustedKey } from '../../packages/cutover-flags/src/gates/keys.ts';
import { verifyReceipt } from '../../packages/cutover-flags/src/gates/verify-receipt.ts';
import type { GatedPackage } from './gate-map.ts';

/** One gate of one package, as its receipt says. */
export interface SummaryLine {
  readonly folder: string;
  readonly gate: GateId;
  /** `not-run`: there is no receipt. `unverified`: there is one that is not believed. */
  readonly outcome: GateObservation['verdict'] | 'not-run' | 'unverified';
  readonly reason: string;
  readonly observation: GateObservation | undefined;
}

/** Reads and verifies the receipts of all packages. */
export function summarise(
  root: string,
  packages: readonly GatedPackage[],
  trusted: readonly TrustedKey[],
): readonly SummaryLine[] {
  return packages.flatMap(({ folder, gates }) =>
    [...gates.keys()].map((gate): SummaryLine => {
      const file = path.join(root, folder, '.gate', `${gate}.dsse.json`);
      if (!existsSync(file)) return { folder, gate, outcome: 'not-run', reason: 'No receipt.', observation: undefined };
      try {
        const { observation } = verifyReceipt(JSON.parse(readFileSync(file, 'utf8')), trusted);
        if (observation.gate !== gate) throw new Error(`The receipt is of the gate ${observation.gate}.`);
        return { folder, gate, outcome: observation.verdict, reason: observation.reason, observation };
      } catch (error) {
        return { folder, gate, outcome: 'unverified', reason: (error as Error).message, observation: undefined };
      }
    }),
  );
}

/** One line of text. `since` is when this run began: what was observed before came from the cache. */
export function describe({ folder, gate, outcome, reason, observation }: SummaryLine, since: number): string {
  const head = `${gate.padEnd(22)} ${folder.padEnd(22)} ${outcome.padEnd(12)}`;
  if (observation === undefined) return `${head} ${reason}`;
  const { counts, observed_to, environment } = observation;
  const counted = `${counts.cases} cases, ${counts.events} events`;
  const at = new Date(observed_to).toISOString();
  const fresh = observed_to >= since ? 'now' : `cached: observed ${at} at ${environment.commit ?? 'an unknown commit'}`;
  return `${head} ${counted}, ${fresh}${outcome === 'pass' ? '' : `: ${reason}`}`;
}
