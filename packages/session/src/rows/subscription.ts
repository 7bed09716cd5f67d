import type { CodedError } from '@autopilot/sync-contract';
import type { RowList } from '../wire/row-list.ts';
import type { RowReader } from '../wire/row-reader.ts';
import { type RawChange, RowBag } from './row-bag.ts';
import { RowGap } from './row-gap.ts';

/** What changed in one table. */
export interface TableChange<Row> {
  readonly table: string;
  readonly inserts: RowList<Row>;
  /** An updated row is a delete and an insert. */
  readonly deletes: RowList<Row>;
  /** Rows of event tables: not kept anywhere. */
  readonly events: RowList<Row>;
}

/** What one transaction, or a new connection, changed for one subscription. */
export interface RowBatch<Row> {
  /**
   * `baseline`: the first rows. `transaction`: one commit. `resync`: the difference between what was shown and the
   * baseline of a new connection; events that were committed between the two connections are lost.
   */
  readonly source: 'baseline' | 'transaction' | 'resync';
  readonly changes: readonly TableChange<Row>[];
}

/** Who is told of a subscription. */
export interface SubscriptionHandlers<Row> {
  /** In the order of commits, beginning with the baseline; a resync is told even when nothing changed. */
  batch(batch: RowBatch<Row>): void;
  /** The server refuses or has dropped the queries. Nothing comes any more. */
  failed?(error: CodedError<string>): void;
}

/** Reads a row; the reader must not be kept. What it throws is counted as a listener error, and its batch is not told. */
export type RowDecoder<Row> = (table: string, row: RowReader) => Row;

/** A live set of queries. */
export interface Subscription<Row> {
  /** `pending` until the first baseline. Rows stay readable, as last known, while the session is not connected. */
  readonly state: 'pending' | 'applied' | 'failed' | 'ended';
  /** The present rows of a table, each once. */
  rows(table: string): Row[];
  end(): void;
}

/** A subscription above any connection, raw inside. */
export class SubscriptionRecord {
  readonly queries: readonly string[];
  state: 'pending' | 'applied' | 'failed' | 'ended' = 'pending';
  /** What the owner sees: the bag of the connection in use, or of the last one. */
  visible = new RowBag();
  readonly #tell: (source: RowBatch<Uint8Array>['source'], changes: readonly RawChange[]) => void;
  readonly #failed: (error: CodedError<string>) => void;
  /** A bag that is to take the place of the visible one, and how it differs. */
  #coming: { readonly bag: RowBag; readonly gap: RowGap } | undefined;

  constructor(
    queries: readonly string[],
    tell: (source: RowBatch<Uint8Array>['source'], changes: readonly RawChange[]) => void,
    failed: (error: CodedError<string>) => void,
  ) {
    this.queries = queries;
    this.#tell = tell;
    this.#failed = failed;
  }

  /** The connection in use has this baseline. */
  adopt(bag: RowBag): void {
    const changes = this.visible.changesTo(bag);
    const source = this.state === 'pending' ? 'baseline' : 'resync';
    this.visible = bag;
    this.#coming = undefined;
    this.state = 'applied';
    this.#tell(source, changes);
  }

  /** Whether the bag of another connection shows what the owner sees. It is watched from now on: asking again is cheap. */
  isLevel(bag: RowBag): boolean {
    if (this.state !== 'applied') return true;
    if (this.#coming?.bag !== bag) this.#coming = { bag, gap: new RowGap(this.visible, bag) };
    return this.#coming.gap.isClosed;
  }

  /** A bag has changed, the visible one or another. True while a bag is watched. */
  moved(bag: RowBag, changes: readonly RawChange[]): boolean {
    if (this.#coming === undefined) return false;
    if (bag === this.visible || bag === this.#coming.bag) this.#coming.gap.changed(changes);
    return true;
  }

  /** The connection of a bag has ended. */
  dropped(bag: RowBag | undefined): void {
    if (this.#coming?.bag === bag) this.#coming = undefined;
  }

  changed(changes: readonly RawChange[]): void {
    if (changes.length > 0) this.#tell('transaction', changes);
  }

  fail(error: CodedError<string>): void {
    if (this.state === 'failed' || this.state === 'ended') return;
    this.state = 'failed';
    this.visible = new RowBag();
    this.#failed(error);
  }
}
