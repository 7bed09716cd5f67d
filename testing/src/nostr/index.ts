export { type HostileRelay, type Hostility, startHostileRelay } from './hostile-relay.ts';
export { type Relay, type RelayOptions, startRelay } from './real-relay.ts';
