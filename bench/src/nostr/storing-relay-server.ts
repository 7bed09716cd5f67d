// A real relay in a process of its own that checks no signatures: who publishes is measured, and not how fast a relay is.
import { type Relay, startRelay } from '@autopilot/testing/nostr';
import { answerParent } from '../host/child.ts';
import type { StoringRelayQuestion } from './storing-relays.ts';

let relay: Relay | undefined;

answerParent<StoringRelayQuestion>(async (question) => {
  if (question.ask === 'start') {
    relay = await startRelay({ trusting: true });
    return relay.url;
  }
  if (question.ask === 'stored') return relay?.stored().length;
  await relay?.close();
});
