/** The subjects that control itself acts as. No client may have one of them. */
export const serviceSubjects = {
  /** Publishes and configures the database over HTTP. Opens no subscription: an owner bypasses the row rules. */
  owner: 'control-owner',
  /** Appends events, makes streams and grants. */
  writer: 'control',
  /** Carries work and events between the lane and Nostr. Also the id of its client. */
  bridge: 'control-bridge',
} as const;

/** What the writer's token may do in the module. */
export const writerScopes = ['sync.admin', 'sync.append', 'sync.subscribe'] as const;
