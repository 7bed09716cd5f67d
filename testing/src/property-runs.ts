/** How often a property is tried: so often, unless the environment variable PROPERTY_RUNS says how often. */
export function propertyRuns(usual = 50): { readonly numRuns: number } {
  const given = Number(process.env.PROPERTY_RUNS);
  return { numRuns: Number.isInteger(given) && given > 0 ? given : usual };
}
