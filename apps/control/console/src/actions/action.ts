import { createContext, type ReactNode, useContext } from 'react';
import type { Method } from '../api.ts';
import type { Snapshot } from '../live/use-console.ts';
import type { Draft } from './drafts.ts';

/** What a form needs to show and to check what is typed. */
export interface FormInput {
  readonly draft: Draft;
  readonly set: (name: string, value: string) => void;
  readonly snapshot: Snapshot;
}

/** Something that can be done from the page. */
export interface Action {
  /** Names its draft. */
  readonly key: string;
  readonly title: string;
  /** The word on the button that does it. */
  readonly confirm: string;
  readonly tone: 'plain' | 'danger';
  readonly method: Method;
  readonly path: (draft: Draft) => string;
  readonly initial: Draft;
  /** What it will do, and what it rests on. */
  readonly about: (input: FormInput) => ReactNode;
  readonly fields: ((input: FormInput) => ReactNode) | null;
  /** The members of the command beside its header; a text says what is still wrong. */
  readonly body: (input: FormInput) => object | string;
  /** Asks once more on a second page that shows what will happen. */
  readonly review: ((input: FormInput) => ReactNode) | null;
  /** A command has revision, key and reason; what is no command, an evaluation, has none of them. */
  readonly command: boolean;
}

/** What every part of the page may ask for. */
export interface Actions {
  readonly open: (action: Action) => void;
  /** Whether the one who is signed in has the scope. */
  readonly may: (scope: 'cutover.operate' | 'cutover.submit') => boolean;
  readonly me: string;
  /** Control cannot be reached: nothing can be sent. */
  readonly lost: boolean;
}

export const ActionsContext = createContext<Actions>({ open: () => {}, may: () => false, me: '', lost: true });

export function useActions(): Actions {
  return useContext(ActionsContext);
}
