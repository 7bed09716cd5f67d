import { parseArgs } from 'node:util';

/** The command line of a benchmark: sizes in their order, and whether the report is for programs. */
export function readArguments(): { readonly positionals: readonly string[]; readonly json: boolean } {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  return { positionals, json: values.json };
}
