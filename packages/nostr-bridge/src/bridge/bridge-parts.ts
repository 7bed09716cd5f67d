import type { HttpClient, Ports, SocketFactory } from '@autopilot/sync-contract';
import type { Signer } from '../event/signer.ts';
import type { SpawnVerifyWorker } from '../inbound/worker-verifier.ts';
import type { Cipher } from '../jobs/job-cipher.ts';
import type { JobWork } from '../jobs/job-provider.ts';
import type { Job } from '../jobs/job-store.ts';
import type { Journal, MirrorPolicy } from '../outbox/journal.ts';

/** What a bridge needs from outside. */
export interface BridgeParts {
  readonly ports: Ports;
  readonly sockets: SocketFactory;
  /** For relays outside of the settings; `sockets` by default. See `nodePublicSockets`. */
  readonly visitSockets?: SocketFactory;
  readonly signer: Signer;
  readonly spawnVerifier: SpawnVerifyWorker;
  /** Without it no NIP-11 document is read. */
  readonly http?: HttpClient;
  /** Without it encrypted jobs are refused. */
  readonly cipher?: Cipher;
  /** What is mirrored, and what of it. Without both nothing is. */
  readonly journal?: Journal;
  readonly policy?: MirrorPolicy;
  /** What does the work, where `provider` is set. */
  readonly work?: JobWork;
  /** Hears of every job of this bridge as customer that an answer has moved. */
  readonly answered?: (job: Job) => void;
}
