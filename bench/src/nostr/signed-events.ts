import { createHash } from 'node:crypto';
import type { EventTemplate, NostrEvent } from '@autopilot/nostr-bridge';
import { initNostrWasm } from 'nostr-wasm';

/** Signs events of one author. */
type FastSigner = (template: EventTemplate) => NostrEvent;

/** A signer in WebAssembly: one in JavaScript would take ten times as long as what is measured. */
async function fastSigner(author: string): Promise<FastSigner> {
  const wasm = await initNostrWasm();
  const secret = new Uint8Array(createHash('sha256').update(author).digest());
  return (template) => {
    const event = { ...template, tags: template.tags.map((tag) => [...tag]), id: '', pubkey: '', sig: '' };
    wasm.finalizeEvent(event, secret);
    return event;
  };
}

/** Signed events that all differ, as JSON: whoever reads one gets an object that nobody has marked as verified. */
export async function signedEvents(
  count: number,
  { content, from }: { readonly content: number; readonly from: number },
): Promise<string[]> {
  const sign = await fastSigner('bench');
  return Array.from({ length: count }, (_, n) => {
    const text = `${n} `.padEnd(content, 'x');
    return JSON.stringify(sign({ kind: 1, created_at: from, tags: [['t', 'bench']], content: text }));
  });
}
