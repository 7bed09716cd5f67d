/** What a history can be found guilty of, with the property that it breaks. SPEC.md numbers the same. */
export const violationKinds = {
  split: 'H1: every state shown is the one after a whole number of transactions of the ledger',
  gap: 'H2: no transaction is left out between two that one connection shows',
  repeat: 'H3: no transaction, event or row is told a second time',
  backwards: 'H4: nobody is taken back behind what was shown before',
  unhappened:
    'H5: what a confirmed read has shown stays, and only a killed server takes back what an unconfirmed one has',
  differs: 'H6: the cache holds what the changes that were told add up to',
  event: 'H7: every transaction brings its own event, and nothing else does',
  stuck: 'H8: in the end everybody shows what the server has',
  crashed: 'H9: no client ends, or gives up its subscription, by itself',
  unacknowledged: 'H10: every write that was acknowledged is in the ledger once, in the order of its writer',
  server: "H11: the server's tables are what its ledger adds up to",
} as const;

export type ViolationKind = keyof typeof violationKinds;

/** One finding. */
export interface Violation {
  readonly kind: ViolationKind;
  /** Milliseconds since the Unix epoch, by whoever saw it; undefined for what was found at the end. */
  readonly at?: number;
  /** The number of the transaction that was shown. */
  readonly n?: number;
  readonly detail: string;
}
