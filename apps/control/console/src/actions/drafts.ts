import { useState } from 'react';

/** What was typed into a dialog, by the name of the field. */
export type Draft = Readonly<Record<string, string>>;

/** Lives as long as the page: a dialog that is closed, and a session that ends, lose nothing. */
const drafts = new Map<string, Draft>();

/** The draft of a dialog over what it begins with. */
export function useDraft(key: string, initial: Draft) {
  const [draft, setDraft] = useState<Draft>(() => ({ ...initial, ...drafts.get(key) }));
  return {
    draft,
    set(name: string, value: string) {
      const next = { ...draft, [name]: value };
      drafts.set(key, { ...drafts.get(key), [name]: value });
      setDraft(next);
    },
    /** Forgets it: it has been sent. */
    clear: () => void drafts.delete(key),
  };
}
