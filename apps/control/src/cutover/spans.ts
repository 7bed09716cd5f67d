/** From a time to a later one, milliseconds. */
export type Span = readonly [from: number, to: number];

/** Their union: in order, each apart from the next. What touches is one, and what has no length is left out. */
export function joined(spans: readonly Span[]): readonly Span[] {
  const union: [number, number][] = [];
  for (const [from, to] of spans.filter(([from, to]) => to > from).sort(([a], [b]) => a - b)) {
    const last = union.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else union.push([from, to]);
  }
  return union;
}

/** How long joined spans are together. */
export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** At most so many of joined spans, the longest: they say no more than all of them do. */
export function longest(spans: readonly Span[], most: number): readonly Span[] {
  if (spans.length <= most) return spans;
  const kept = new Set([...spans].sort((a, b) => b[1] - b[0] - (a[1] - a[0])).slice(0, most));
  return spans.filter((span) => kept.has(span));
}

/** At most so many spans that hold all of the given ones, those that merely touch too: the shortest gaps are closed. */
export function bridged(spans: readonly Span[], most: number): readonly Span[] {
  const held: [number, number][] = [];
  for (const [from, to] of [...spans].sort(([a], [b]) => a - b)) {
    const last = held.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else held.push([from, to]);
  }
  while (held.length > most) {
    let at = 1;
    const gap = (index: number) => (held[index]?.[0] ?? 0) - (held[index - 1]?.[1] ?? 0);
    for (let index = 2; index < held.length; index += 1) if (gap(index) < gap(at)) at = index;
    const [taken] = held.splice(at, 1);
    const before = held[at - 1];
    if (before !== undefined && taken !== undefined) before[1] = taken[1];
  }
  return held;
}
