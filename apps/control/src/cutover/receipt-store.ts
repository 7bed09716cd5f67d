import { type GateObservation, type TrustedKey, type VerifiedReceipt, verifyReceipt } from '@autopilot/cutover-flags';
import type { Store } from '../store/open-store.ts';
import { type OldReceipts, sweepReceipts } from './receipt-sweep.ts';

/** A receipt as it is stored. */
export interface StoredReceipt {
  readonly digest: string;
  readonly observation: GateObservation;
  readonly envelope: unknown;
  readonly signed_by: readonly string[];
  readonly submitted_by: string;
  /** By the machine's clock. */
  readonly received_at: number;
}

/** The receipts of gates. */
export interface ReceiptStore {
  /**
   * Verifies an envelope and keeps it; `duplicate` when it is known.
   *
   * @throws {CutoverError} what `verifyReceipt` refuses it with.
   */
  submit(envelope: unknown, by: string, now: number): Promise<{ receipt: VerifiedReceipt; duplicate: boolean }>;
  /** The last receipt of each gate and set of packages, the newest observation first. */
  current(): Promise<readonly StoredReceipt[]>;
  /** Deletes old receipts but those of `current` and those that anything decided rests on. */
  sweep(old: Omit<OldReceipts, 'kept'>): Promise<void>;
}

/** Receipts of one gate that are looked through for the last of each set of packages. */
const mostPerGate = 200;

/** Receipts in the store. `trusted` are the keys whose receipts are believed. */
export function createReceiptStore(store: Store, trusted: readonly TrustedKey[]): ReceiptStore {
  const { db } = store;

  async function current(): Promise<readonly StoredReceipt[]> {
    const gates = await db.selectFrom('cutover_receipt').select('gate').distinct().execute();
    const found: StoredReceipt[] = [];
    for (const { gate } of gates) {
      const rows = await db
        .selectFrom('cutover_receipt')
        .selectAll()
        .where('gate', '=', gate)
        .orderBy('id', 'desc')
        .limit(mostPerGate)
        .execute();
      const last = new Map<string, StoredReceipt>();
      for (const row of rows) {
        const observation = JSON.parse(row.observation) as GateObservation;
        const name = JSON.stringify(Object.keys(observation.environment.packages).sort());
        const before = last.get(name);
        // What was observed last counts, in whatever order it came.
        if (before !== undefined && before.observation.observed_to >= observation.observed_to) continue;
        last.set(name, {
          digest: row.digest,
          observation,
          envelope: JSON.parse(row.envelope),
          signed_by: JSON.parse(row.signed_by) as string[],
          submitted_by: row.submitted_by,
          received_at: row.received_at,
        });
      }
      found.push(...last.values());
    }
    return found.sort((a, b) => b.observation.observed_to - a.observation.observed_to);
  }

  return {
    async submit(envelope, by, now) {
      const receipt = verifyReceipt(envelope, trusted);
      const { observation, digest, signed_by } = receipt;
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('cutover_receipt')
        .values({
          digest,
          gate: observation.gate,
          envelope: JSON.stringify(receipt.envelope),
          observation: JSON.stringify(observation),
          signed_by: JSON.stringify(signed_by),
          submitted_by: by,
          observed_to: Math.floor(observation.observed_to),
          received_at: now,
        })
        .onConflict((c) => c.column('digest').doNothing())
        .executeTakeFirstOrThrow();
      return { receipt, duplicate: numInsertedOrUpdatedRows !== 1n };
    },
    current,
    async sweep(old) {
      const kept = new Set((await current()).map(({ digest }) => digest));
      await sweepReceipts(store, { ...old, kept });
    },
  };
}
