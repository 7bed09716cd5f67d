export { append_sync_event } from './append.ts';
export { enqueue_bridge_event, mark_bridge_event_sent, refuse_bridge_event } from './bridge.ts';
export { ack_checkpoint } from './checkpoints.ts';
export { open_compute_assignment, publish_provider_capability, update_compute_assignment } from './compute.ts';
export { grant_stream, revoke_stream } from './grants.ts';
export { client_connected, client_disconnected, configure, init } from './lifecycle.ts';
export { bind_nostr_key, unbind_nostr_key } from './nostr-keys.ts';
export { clear_presence, heartbeat, upsert_presence } from './presence.ts';
export { open_stream, read_heads, read_page } from './reads.ts';
export { apply_retention } from './retention.ts';
export { default } from './schema.ts';
export { signal_progress } from './signals.ts';
export { create_stream, retire_stream } from './streams.ts';
export { sweep_expired } from './sweep.ts';
export {
  bridge_pending,
  capabilities,
  my_assignments,
  my_nostr_keys,
  my_streams,
  nostr_keys,
  stream_nostr_presence,
  stream_presence,
} from './views.ts';
export {
  append_receipt_visibility,
  live_inbox_visibility,
  stream_notice_visibility,
  transient_signal_visibility,
} from './visibility.ts';
export { renew_watches, unwatch } from './watches.ts';
