/** What this client says of itself when it asks for a token. The build id is the day of the release, in UTC. */
export const buildInfo = {
  client_build_id: '20261122T000000Z',
  protocol_version: 'spacetime.sync.v1',
  schema_version: 1,
} as const;
