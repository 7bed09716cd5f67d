import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricSpec } from './metric-spec.ts';
import { type MetricName, metricTable } from './metric-table.ts';

type OfType<T extends MetricSpec['type']> = {
  [N in MetricName]: (typeof metricTable)[N] extends { readonly type: T } ? N : never;
}[MetricName];

type LabelsOf<N extends MetricName> = (typeof metricTable)[N] extends { readonly labels: infer L }
  ? { readonly [K in keyof L]: L[K] extends readonly (infer V)[] ? V : never }
  : Readonly<Record<string, never>>;

/** Moves the metrics of the table, and no others. */
export interface Metrics {
  count<N extends OfType<'counter'>>(name: N, labels: LabelsOf<N>, by?: number): void;
  set<N extends OfType<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void;
  observe<N extends OfType<'histogram'>>(name: N, seconds: number): void;
  /** What a counter stands at, by the values of one of its labels. */
  totals<N extends OfType<'counter'>>(
    name: N,
    label: keyof LabelsOf<N> & string,
  ): Promise<Readonly<Record<string, number>>>;
  /** Text of the Prometheus exposition format. */
  expose(): Promise<string>;
  readonly contentType: string;
}

/** Metrics of one service. `processMetrics` adds those of the Node process, which are shared by all in it. */
export function createMetrics(processMetrics: boolean): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  for (const [name, spec] of Object.entries<MetricSpec>(metricTable)) {
    const common = { name, help: spec.help, labelNames: Object.keys(spec.labels ?? {}), registers: [registry] };
    if (spec.type === 'counter')
      counters.set(
        name,
        zeroed(new Counter(common), spec, (c, labels) => c.inc(labels, 0)),
      );
    if (spec.type === 'gauge')
      gauges.set(
        name,
        zeroed(new Gauge(common), spec, (g, labels) => g.set(labels, 0)),
      );
    if (spec.type === 'histogram') {
      histograms.set(name, new Histogram({ ...common, buckets: [...(spec.buckets ?? [])] }));
    }
  }
  return {
    count: (name, labels, by = 1) => counters.get(name)?.inc({ ...labels }, by),
    set: (name, labels, value) => gauges.get(name)?.set({ ...labels }, value),
    observe: (name, seconds) => histograms.get(name)?.observe(seconds),
    async totals(name, label) {
      const { values } = (await counters.get(name)?.get()) ?? { values: [] };
      const sums = new Map<string, number>();
      for (const { labels, value } of values) {
        const of = String(labels[label]);
        sums.set(of, (sums.get(of) ?? 0) + value);
      }
      return Object.fromEntries(sums);
    },
    expose: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Shows every series from the start: a rate over a series that appears with its first event misses that event. */
function zeroed<M>(metric: M, spec: MetricSpec, zero: (metric: M, labels: Record<string, string>) => void): M {
  let series: Record<string, string>[] = spec.labels === undefined ? [] : [{}];
  for (const [label, values] of Object.entries(spec.labels ?? {})) {
    series = series.flatMap((labels) => values.map((value) => ({ ...labels, [label]: value })));
  }
  for (const labels of series) zero(metric, labels);
  return metric;
}
