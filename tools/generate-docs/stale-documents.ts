/** Names of documents that differ from what the sources make, are missing, or are made by nothing. */
export function staleDocuments(
  present: Readonly<Record<string, string>>,
  made: Readonly<Record<string, string>>,
): readonly string[] {
  const names = new Set([...Object.keys(made), ...Object.keys(present)]);
  return [...names].filter((name) => present[name] !== made[name]).sort();
}
