/** Texts that are looked at of one list: others may have made it as long as they like. */
const mostTexts = 50;

/**
 * Where an answer goes: to every relay of the bridge, which hold its quorum, and to at most `most` of the customer's,
 * where it is looked for: first those that the request names, which were said of this very job, then those that its
 * customer generally reads.
 *
 * @param admit Gives the address of a relay that may be sent to, as it is stored.
 */
export function answerRelays(
  own: readonly string[],
  named: readonly string[],
  read: readonly string[],
  most: number,
  admit: (text: string) => string | undefined,
): readonly string[] {
  const theirs = new Set<string>();
  for (const text of [...named.slice(0, mostTexts), ...read.slice(0, mostTexts)]) {
    if (theirs.size >= most) break;
    const admitted = admit(text);
    if (admitted !== undefined) theirs.add(admitted);
  }
  return [...new Set([...own, ...theirs])];
}
