import type { Store } from '../store/open-store.ts';

/** Which receipts are old. */
export interface OldReceipts {
  /** By the machine's clock. */
  readonly receivedBefore: number;
  /** By the cutover clock. */
  readonly observedBefore: number;
  /** Digests of receipts that stay whatever their age. */
  readonly kept: ReadonlySet<string>;
}

/** Audit records that are read at once, receipts that are deleted at once. */
const page = 500;

const digests = /sha256:[0-9a-f]{64}/g;

/** Deletes old receipts that neither the state nor any audit record names: nothing that was decided rests on them. */
export async function sweepReceipts({ db }: Store, old: OldReceipts): Promise<void> {
  const rows = await db
    .selectFrom('cutover_receipt')
    .select(['id', 'digest'])
    .where('received_at', '<', old.receivedBefore)
    .where('observed_to', '<', old.observedBefore)
    .execute();
  const unused = new Map(rows.filter(({ digest }) => !old.kept.has(digest)).map(({ digest, id }) => [digest, id]));
  if (unused.size === 0) return;
  const isNamed = (text: string) => {
    for (const [digest] of text.matchAll(digests)) unused.delete(digest);
  };
  for (const { state } of await db.selectFrom('cutover_state').select('state').execute()) isNamed(state);
  for (let after = 0; ; ) {
    const records = await db
      .selectFrom('cutover_audit')
      .select(['seq', 'record'])
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(page)
      .execute();
    for (const { record } of records) isNamed(record);
    if (records.length < page) break;
    after = records.at(-1)?.seq ?? after;
  }
  const ids = [...unused.values()];
  for (let at = 0; at < ids.length; at += page) {
    await db
      .deleteFrom('cutover_receipt')
      .where('id', 'in', ids.slice(at, at + page))
      .execute();
  }
}
