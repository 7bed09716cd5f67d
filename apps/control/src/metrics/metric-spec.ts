/** One metric of the service. Label values are closed lists, so that the number of series is known. */
export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of a histogram, seconds. */
  readonly buckets?: readonly number[];
}
