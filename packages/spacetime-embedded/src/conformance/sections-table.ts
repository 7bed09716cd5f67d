import type { ConformanceCase } from './case.ts';
import { type Section, sections } from './sections.ts';

/** The table of CONFORMANCE.md: the sections, where each is written down, and how many cases check it. */
export function sectionsTable(cases: readonly ConformanceCase[]): string {
  const lines = Object.entries<Section>(sections).map(([id, { title, docs, source }]) => {
    const count = cases.filter(({ section }) => section === id).length;
    const page = docs === undefined ? '-' : `[${docs.replace(/^https:\/\/spacetimedb\.com\/docs/, '')}](${docs})`;
    return `| \`${id}\` | ${title} | ${page} | \`${source}\` | ${count} |`;
  });
  return ['| Section | | Documentation | Source | Cases |', '| --- | --- | --- | --- | --- |', ...lines].join('\n');
}
