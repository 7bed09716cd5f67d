/** What an event says, before it has an author. */
export interface EventTemplate {
  /** Whole seconds since the Unix epoch. */
  readonly created_at: number;
  /** 0 to 65535. */
  readonly kind: number;
  readonly tags: readonly (readonly string[])[];
  readonly content: string;
}

/** An event with its author, before it is signed. */
export interface UnsignedEvent extends EventTemplate {
  /** 64 lowercase hexadecimal digits. */
  readonly pubkey: string;
}

/** A signed event of NIP-01: plain data, and nothing that says it was verified. */
export interface NostrEvent extends UnsignedEvent {
  /** 64 lowercase hexadecimal digits. */
  readonly id: string;
  /** 128 lowercase hexadecimal digits. */
  readonly sig: string;
}

/** The value of the first tag of a name. */
export function tagValue(event: Pick<EventTemplate, 'tags'>, name: string): string | undefined {
  return event.tags.find(([first]) => first === name)?.[1];
}

/** The values of the first tag of a name. */
export function tagList(event: Pick<EventTemplate, 'tags'>, name: string): readonly string[] {
  return event.tags.find(([first]) => first === name)?.slice(1) ?? [];
}
