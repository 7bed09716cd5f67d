/** What a worker is told to do. */
export interface WorkerOrder {
  /** Another one each time. */
  readonly id: number;
  /** The package: everything in it is loaded anew. */
  readonly folder: string;
  /** The tests, in the order in which they are run. */
  readonly tests: readonly string[];
  /** The file that is changed, and what it holds then. Not set: the sources as they are. */
  readonly file?: string;
  readonly source?: string;
  /** Milliseconds of processor time; who needs more is ended. */
  readonly mostCpu: number;
}

/** What came of it. */
export type WorkerAnswer = {
  readonly id: number;
  /** Tests that were run. */
  readonly ran: number;
  /** Milliseconds of processor time. */
  readonly cpu: number;
} & (
  | { readonly outcome: 'survived' }
  /** `by` is the test that failed. */
  | { readonly outcome: 'killed'; readonly by: string; readonly why: string }
);
