/** The streams of the check: each subscriber follows all of them, each writer appends to them in turn. */
export const streamIds: readonly string[] = ['runtime.check.1', 'runtime.check.2', 'runtime.check.3'];
