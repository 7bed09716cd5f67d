import { mentionsIn, outsideHistory } from './documents.ts';
import type { Finding, FindingKind } from './finding.ts';
import { escapeText, pathPattern } from './glob.ts';
import type { RemovalSettings } from './options.ts';
import { type FileRole, roleOf } from './roles.ts';

const longestText = 160;

const topLevel = '(?:com|net|org|io|dev|app|cloud|ai|co|eu|internal|local|svc|example|test|invalid)';

/** What stands right before a module that is loaded, its quote included. */
const loadsNext = /(?:\bfrom|\bimport|\brequire|\bresolve|[mM]ock(?:Module)?)\s*(?:\(\s*)?['"`]$/;

/** What to do about each kind. */
const nextSteps: Readonly<Record<FindingKind, string>> = {
  import: 'Remove the import and what depends on it.',
  manifest: 'Remove the entry and install again.',
  lockfile: 'Install again, so that the lockfile no longer holds it.',
  bundle: 'Build again from sources without the lane; if it stays, look for what still loads it.',
  toggle: 'Remove the variable: in Stage 3 a toggle that is present is a start-up error.',
  config: 'Remove the setting.',
  endpoint: 'Remove the address, and close it where it is served.',
  document: 'Rewrite it for spacetime, or move it into a marked history section.',
  leftover: 'Delete it.',
  unread: 'Make the file readable, or take it out of the tree, and scan again.',
  'overdue-allowance': 'Remove what the entry excused, or have its owner renew it.',
};

/** Looks through the text of one file. */
export class FileScanner {
  readonly #settings: RemovalSettings;
  readonly #word: RegExp;
  readonly #packages: RegExp | null;
  readonly #laneFiles: readonly RegExp[];
  readonly #retired: readonly string[];
  readonly #toggles: RegExp;
  readonly #endpoints: RegExp;
  readonly #history: readonly RegExp[];

  constructor(settings: RemovalSettings) {
    this.#settings = settings;
    const { lane, packages, toggles, endpoints } = settings;
    const name = escapeText(lane);
    this.#word = new RegExp(`(?<![a-z])${name}(?![a-z])`, 'i');
    this.#packages = packages.length === 0 ? null : new RegExp(`(${packages.map(escapeText).join('|')})(?![\\w-])`);
    this.#laneFiles = settings.laneFiles.map(pathPattern);
    this.#retired = settings.retiredPaths.filter((path) => !path.includes('*'));
    const env = `\\benv\\b\\s*(?:\\.|\\[['"]|\\.get\\(['"]|\\(['"])[A-Z0-9_]*${name.toUpperCase()}[A-Z0-9_]*`;
    const named = toggles.map((toggle) => `\\b${escapeText(toggle)}\\b`);
    const prefixed = `\\b${name.toUpperCase()}_[A-Z0-9_]+\\s*=|\\b[A-Z][A-Z0-9_]*_${name.toUpperCase()}(?:_[A-Z0-9_]+)?\\s*=`;
    this.#toggles = new RegExp([...named, env, prefixed].join('|'));
    // A host without a scheme is told from a member of a variable by its last part.
    const bare = `(?<![\\w.$])(?:[a-z0-9-]+\\.)*${name}[a-z0-9-]*(?:\\.[a-z0-9-]+)*\\.${topLevel}(?![\\w(.])`;
    const host = `\\b(?:wss?|https?)://[^\\s"'\`/<>]*${name}|${bare}`;
    const paths = endpoints.map((path) => `${escapeText(path)}(?![\\w])`.replace('\\/(?![\\w])', '\\/'));
    this.#endpoints = new RegExp([...paths, host].join('|'), 'i');
    this.#history = settings.historyFiles.map(pathPattern);
  }

  scan(path: string, text: string): readonly Finding[] {
    const role = roleOf(path);
    if (role === 'bundle') return this.#bundle(path, text);
    const lines = text.split(/\r?\n/);
    if (role === 'document') return this.#document(path, lines);
    return lines.flatMap((line, index) => {
      const kind = this.#kindOf(path, role, line, lines[index - 1] ?? '');
      return kind === null ? [] : [finding(path, index + 1, kind, line)];
    });
  }

  #kindOf(path: string, role: FileRole, line: string, before: string): FindingKind | null {
    if (role === 'lockfile') return this.#namesPackage(line) ? 'lockfile' : null;
    if (role === 'manifest') return this.#namesPackage(line) || this.#word.test(line) ? 'manifest' : null;
    const named = role === 'source' ? this.#loads(path, line, before) : null;
    if (named === 'import') return named;
    if (this.#toggles.test(line)) return 'toggle';
    if (this.#endpoints.test(line)) return 'endpoint';
    if (named !== null || this.#isFlag(line)) return 'config';
    if (role === 'config') return this.#word.test(line) || this.#namesPackage(line) ? 'config' : null;
    return role === 'text' && this.#namesPackage(line) ? 'config' : null;
  }

  #namesPackage(line: string): boolean {
    return this.#packages?.test(line) === true || this.#retired.some((path) => line.includes(path));
  }

  /**
   * `import` where the package or a lane file is loaded, `config` where it is only named: by a variable it could be loaded
   * all the same.
   */
  #loads(path: string, line: string, before: string): 'import' | 'config' | null {
    let named = this.#packages?.test(line) === true;
    for (const { 1: specifier = '', index } of line.matchAll(/['"`]([^'"`\s]+)['"`]/g)) {
      if (!this.#isLegacy(path, specifier)) continue;
      if (loadsNext.test(`${before} ${line.slice(0, index + 1)}`)) return 'import';
      named = true;
    }
    return named ? 'config' : null;
  }

  #isLegacy(path: string, specifier: string): boolean {
    if (this.#settings.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`))) return true;
    if (!/^\.{1,2}\//.test(specifier)) return false;
    const target = resolve(path, specifier);
    // `lanes/khala.js` is how a build names `lanes/khala.ts`; without an extension it is the same file.
    if ([target, `${target}.ts`].some((one) => this.#laneFiles.some((pattern) => pattern.test(one)))) return true;
    return this.#retired.some((retired) => target === retired || target.startsWith(`${retired}/`));
  }

  #isFlag(line: string): boolean {
    return new RegExp(`(?<![\\w-])--(?:no-)?${escapeText(this.#settings.lane)}(?![a-z])`).test(line);
  }

  #document(path: string, lines: readonly string[]): readonly Finding[] {
    if (this.#history.some((pattern) => pattern.test(path))) return [];
    const { counts, unclosed } = outsideHistory(lines);
    const found = new Map<number, Finding>();
    for (const { line, text } of mentionsIn(lines, counts, this.#settings.lane)) {
      found.set(line, finding(path, line, 'document', text));
    }
    lines.forEach((line, index) => {
      if (counts[index] !== true) return;
      const kind = this.#toggles.test(line)
        ? 'toggle'
        : this.#endpoints.test(line)
          ? 'endpoint'
          : this.#namesPackage(line) || this.#isFlag(line)
            ? 'document'
            : null;
      if (kind !== null) found.set(index + 1, finding(path, index + 1, kind, line));
    });
    if (unclosed !== null) {
      found.set(unclosed + 1, finding(path, unclosed + 1, 'document', 'This history section is not closed.'));
    }
    return [...found.values()].sort((a, b) => a.line - b.line);
  }

  /** Each sign of the lane once per file: a bundle can be one line. */
  #bundle(path: string, text: string): readonly Finding[] {
    const { bundleStrings, packages, toggles, endpoints } = this.#settings;
    return [...new Set([...packages, ...bundleStrings, ...endpoints, ...toggles])].flatMap((sign) => {
      const at = text.indexOf(sign);
      if (at === -1) return [];
      const line = text.slice(0, at).split('\n').length;
      return [finding(path, line, 'bundle', text.slice(Math.max(0, at - 40), at + sign.length + 40))];
    });
  }
}

/** A finding with its text on one line, cut. */
export function finding(file: string, line: number, kind: FindingKind, text: string): Finding {
  const plain = text.replaceAll(/\s+/g, ' ').trim();
  const shown = plain.length > longestText ? `${plain.slice(0, longestText)}…` : plain;
  return { file, line, kind, text: shown, next: nextSteps[kind] };
}

function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
