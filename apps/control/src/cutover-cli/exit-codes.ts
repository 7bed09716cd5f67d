/** Every exit code of the command line, with what it says. */
export const exitCodes = {
  done: { code: 0, text: 'Done, or ready.' },
  refused: { code: 1, text: 'Refused, not ready, or not conclusive. Nothing was changed.' },
  usage: { code: 2, text: 'The command line, or a file that it names, is wrong.' },
  unreachable: { code: 3, text: 'Control cannot be reached, or cannot answer now.' },
  'not-permitted': { code: 4, text: 'This client may not do it, or not this person.' },
  stale: { code: 5, text: 'Somebody else was faster, or the plan changed: read again.' },
  found: { code: 6, text: 'A verification found something.' },
} as const;

/** How a command ended. */
export type Ending = keyof typeof exitCodes;

const byCode: Readonly<Record<string, Ending>> = {
  state_conflict: 'stale',
  revision_conflict: 'stale',
  plan_changed: 'stale',
};

/** How a refusal of control ends the command: by its code, or else by its HTTP status. */
export function endingOf(code: string, status: number): Ending {
  const known = byCode[code];
  if (known !== undefined) return known;
  if (status === 401 || status === 403) return 'not-permitted';
  return status >= 500 ? 'unreachable' : 'refused';
}
