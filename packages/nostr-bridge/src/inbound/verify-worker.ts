// A worker thread that checks signatures: batches come in, booleans go out.
import { parentPort } from 'node:worker_threads';
import type { NostrEvent } from '../event/event.ts';
import { verifyByNoble } from './noble-verify.ts';
import type { VerifyOne } from './verifier.ts';
import { loadWasmVerify } from './wasm-verify.ts';

let verify: VerifyOne = verifyByNoble;
try {
  verify = await loadWasmVerify();
} catch {
  // Where there is no WebAssembly, the slow way still is.
}
parentPort?.on('message', ({ number, events }: { number: number; events: readonly NostrEvent[] }) => {
  parentPort?.postMessage({ number, results: events.map(verify) });
});
