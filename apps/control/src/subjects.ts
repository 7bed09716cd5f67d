/** The two subjects that control itself acts as. No client may have one of them. */
export const serviceSubjects = {
  /** Publishes and configures the database over HTTP. Opens no subscription: an owner bypasses the row rules. */
  owner: 'control-owner',
  /** Appends events, makes streams and grants. */
  writer: 'control',
} as const;

/** What the writer's token may do in the module. */
export const writerScopes = ['sync.admin', 'sync.append', 'sync.subscribe'] as const;
