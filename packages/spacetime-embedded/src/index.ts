export { identityOf } from './auth/identity.ts';
export { HostError, type HostErrorCode, hostErrors } from './errors.ts';
export { type FaultSettings, Faults } from './faults.ts';
export type { ListenAddress } from './listen-address.ts';
export { type EmbeddedHost, type StartEmbeddedOptions, startEmbedded } from './start-embedded.ts';
