import { ControlError } from '../errors.ts';
import { claimMeta } from '../store/meta.ts';
import type { Store } from '../store/open-store.ts';

/**
 * Writes the issuer URL to the store at the first start, and requires the same one ever after: SpacetimeDB hashes the
 * issuer into every identity, so another URL would turn every grant, checkpoint and owner into somebody else's.
 *
 * @throws {ControlError} `issuer_changed`.
 */
export async function lockIssuer(store: Store, issuer: string): Promise<void> {
  const stored = await claimMeta(store, 'issuer', issuer);
  if (stored !== issuer) {
    throw new ControlError(
      'issuer_changed',
      `This store belongs to the issuer ${stored}, not to ${issuer}: every identity in the database hashes the issuer.`,
      { details: { stored, given: issuer } },
    );
  }
}
