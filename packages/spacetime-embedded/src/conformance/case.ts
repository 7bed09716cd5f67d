import type { SectionId } from './sections.ts';
import type { ServerUnderTest } from './server-under-test.ts';

/** One thing that a server does as it should or does not. */
export interface ConformanceCase {
  /** Stable, `group/name`. */
  readonly id: string;
  readonly title: string;
  readonly section: SectionId;
  /** Returns when the server does it; throws what it does instead, or {@link NotApplicable}. */
  run(server: ServerUnderTest): Promise<void>;
}

/** Makes the cases of one group: the id of each begins with its name. */
export function group(
  name: string,
  cases: readonly (readonly [id: string, section: SectionId, title: string, run: ConformanceCase['run']])[],
): readonly ConformanceCase[] {
  return cases.map(([id, section, title, run]) => ({ id: `${name}/${id}`, section, title, run }));
}
