import path from 'node:path';

/** What Stage 3 takes away from a repository. Paths are relative to its root, with `/`. */
export interface Removal {
  /** The folder of the package of the lane. */
  readonly folder: string;
  /** Its name in manifests and imports. */
  readonly name: string;
  /** The files that load it, one in each app. */
  readonly laneFiles: readonly string[];
  /** The apps that are built and tested without it. */
  readonly apps: readonly string[];
  /** Files and folders that serve only the lane or its removal; they need not exist. */
  readonly serving: readonly string[];
  /** Scripts of manifests that run one of them. */
  readonly scripts: readonly string[];
  /** How the lane is called in the marks of what goes with it, and in the names of tests. */
  readonly word: string;
}

/** The removal of this repository. */
export const khalaRemoval: Removal = {
  folder: 'packages/legacy-lane',
  name: '@autopilot/legacy-lane',
  laneFiles: ['apps/control/src/lanes/khala.ts', 'apps/desktop/src/lanes/khala.ts'],
  apps: ['apps/control', 'apps/desktop'],
  serving: [
    'testing/src/khala',
    'testing/src/khala-main.ts',
    'testing/test/khala',
    // A rehearsal leads from one lane to the other, and so does what the benchmark of a flip measures.
    'apps/launcher/src/rehearse',
    'apps/launcher/test/rehearse',
    'apps/launcher/test/e2e/rehearse.test.ts',
    'apps/launcher/test/e2e/no-khala.test.ts',
    'bench/flip.ts',
    'bench/src/flip',
    // The lane is removed once.
    'tools/stage3',
    'tools/test/stage3',
  ],
  scripts: ['stage3', 'flip'],
  word: 'khala',
};

/**
 * Whether a file goes. A test of an app that needs the lane goes away with it: it lies in a folder `khala`, or its name
 * begins with `khala`. A test that nothing of khala is used any more (`no-khala.test.ts`) stays.
 */
function goes(file: string, { folder, laneFiles, serving, word }: Removal): boolean {
  return (
    laneFiles.includes(file) ||
    [folder, ...serving].some((gone) => file === gone || file.startsWith(`${gone}/`)) ||
    new RegExp(`^apps/[^/]+/test/(?:.*/)?${word}(?:[./-].*)?$`).test(file)
  );
}

/** The files of a repository that go, in the order of the list. */
export function filesToRemove(files: readonly string[], removal: Removal): readonly string[] {
  return files.filter((file) => goes(file, removal));
}

/** A manifest without the dependency and without scripts; undefined when it has none of them. */
export function manifestWithout(text: string, name: string, scripts: readonly string[] = []): string | undefined {
  const manifest = JSON.parse(text) as Record<string, Record<string, unknown> | undefined>;
  let found = false;
  for (const kind of [
    'dependencies',
    'devDependencies',
    'peerDependencies',
    'peerDependenciesMeta',
    'optionalDependencies',
  ]) {
    const group = manifest[kind];
    if (group === undefined || !(name in group)) continue;
    delete group[name];
    if (Object.keys(group).length === 0) delete manifest[kind];
    found = true;
  }
  for (const script of scripts) {
    if (manifest.scripts === undefined || !(script in manifest.scripts)) continue;
    delete manifest.scripts[script];
    found = true;
  }
  return found ? `${JSON.stringify(manifest, null, 2)}\n` : undefined;
}

/**
 * A pnpm lockfile (version 9) without the importer of a folder and without the dependency of the others on it. The
 * packages that only it needed stay listed: pnpm drops them at the next install that may write.
 */
export function lockfileWithout(text: string, { folder, name }: Removal): string {
  const out: string[] = [];
  let skipDeeperThan: number | undefined;
  let inImporters = false;
  for (const line of text.split('\n')) {
    const depth = line.length - line.trimStart().length;
    if (depth === 0 && line !== '') inImporters = line === 'importers:';
    if (skipDeeperThan !== undefined) {
      if (line === '' || depth > skipDeeperThan) continue;
      skipDeeperThan = undefined;
    }
    const key = line.trim().replace(/^['"]|['"]?:$/g, '');
    if (inImporters && ((depth === 2 && key === folder) || (depth === 6 && key === name))) {
      skipDeeperThan = depth;
      continue;
    }
    out.push(line);
  }
  return withoutEmptyGroups(out).join('\n');
}

/** `dependencies:` with nothing below it is not what pnpm writes. */
function withoutEmptyGroups(lines: readonly string[]): readonly string[] {
  return lines.filter((line, index) => {
    if (!/^ {4}(dependencies|devDependencies|optionalDependencies):$/.test(line)) return true;
    return /^ {6}/.test(lines[index + 1] ?? '');
  });
}

/** A place that still refers to what is gone. */
export interface Reference {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/**
 * What still declares or loads what is gone, in the code and the settings of one file: the package as an import, a
 * dependency or a path, and a lane file as an import. A lane file that is looked for by a name at run time is no
 * reference: that is how a build without it starts.
 */
export function referencesIn(file: string, text: string, removal: Removal): readonly Reference[] {
  if (!/\.(?:[cm]?[jt]sx?|json|ya?ml)$/.test(file)) return [];
  const code = /\.[cm]?[jt]sx?$/.test(file);
  const loads = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|\.mock\s*\(\s*)(['"`])([^'"`]+)\1/g;
  return text.split('\n').flatMap((line, index): Reference[] => {
    const found = code
      ? [...line.matchAll(loads)].some(
          ([, , target = '']) =>
            target === removal.name || target.startsWith(`${removal.name}/`) || isGone(file, target, removal),
        )
      : line.includes(removal.name) || line.includes(removal.folder);
    return found ? [{ file, line: index + 1, text: line.trim().slice(0, 160) }] : [];
  });
}

/** Whether a relative import leads to a file that is gone. */
export function isGone(from: string, target: string, removal: Removal): boolean {
  if (!target.startsWith('.')) return false;
  return goes(path.posix.join(path.posix.dirname(from), target).replace(/\.js$/, '.ts'), removal);
}
