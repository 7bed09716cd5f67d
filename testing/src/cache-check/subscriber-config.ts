import type { DefectName } from './defects.ts';
import type { ClientName, Reads } from './record.ts';

/** What a subscriber process is told on its standard input, as one line of JSON. */
export interface SubscriberConfig {
  readonly workload: 'tables' | 'streams';
  readonly client: ClientName;
  readonly reads: Reads;
  /** Where the server is, or the proxy before it. */
  readonly uri: string;
  readonly database: string;
  readonly token: string;
  /** The file to append to. */
  readonly record: string;
  readonly sdkCompression: 'gzip' | 'none';
  /** How often a session replaces its token, and with it its connection; never without it. */
  readonly tokenSeconds?: number;
  readonly defect?: DefectName;
}

/** What a writer process is told on its standard input. A line `stop` after it ends the writing. */
export interface WriterConfig {
  readonly workload: 'tables' | 'streams';
  /** From 1. */
  readonly writer: number;
  readonly uri: string;
  readonly database: string;
  readonly token: string;
  readonly record: string;
  /** Calls per second that it aims at. */
  readonly rate: number;
  readonly seed: number;
}
