import type { Verdict } from '../gates/gate.ts';
import { Allowances, parseAllowFile } from './allow-file.ts';
import type { FileTree, TreeEntry } from './file-tree.ts';
import type { Finding, FindingKind } from './finding.ts';
import { pathPattern } from './glob.ts';
import { type RemovalOptions, type RemovalSettings, settingsOf } from './options.ts';
import { FileScanner, finding } from './scan-file.ts';

/** What was looked at. */
export interface Scanned {
  /** Files whose text was read. */
  readonly files: number;
  readonly bytes: number;
  /** Binary files. */
  readonly binary: number;
  /** Files in folders that are not looked into. */
  readonly skipped: number;
  /** Findings that the allow file excuses. */
  readonly allowed: number;
  /** All findings, those beyond the bound included. */
  readonly findings: number;
}

/** Whether the lane is gone. */
export interface RemovalResult {
  /** `pass`: nothing was found in at least one file. `inconclusive`: nothing was looked at, or not everything could be. */
  readonly verdict: Verdict;
  /** One sentence for a person. */
  readonly reason: string;
  /** In the order of the tree, at most `mostFindings`. */
  readonly findings: readonly Finding[];
  readonly scanned: Scanned;
  /** Milliseconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
}

const progressEvery = 200;

/**
 * Looks for everything that still knows the lane. Reads one file at a time.
 *
 * @throws {RemovalError} `invalid_options`, `bad_allow_file`; what the tree itself throws while it lists.
 */
export async function scanForLane(tree: FileTree, options: RemovalOptions): Promise<RemovalResult> {
  const settings = settingsOf(options);
  const from = options.clock.now();
  const scan = new Scan(tree, settings, await readAllowances(tree, settings, from));
  for await (const entry of tree.list()) {
    await scan.look(entry);
    if (scan.seen % progressEvery === 0) options.onProgress?.(scan.progress());
  }
  options.onProgress?.(scan.progress());
  return { ...scan.result(), from, to: options.clock.now() };
}

async function readAllowances(tree: FileTree, settings: RemovalSettings, now: number): Promise<Allowances> {
  if (settings.allowFile === null) return new Allowances([], now);
  for await (const { path } of tree.list()) {
    if (path === settings.allowFile) return new Allowances(parseAllowFile(decode(await tree.read(path))), now);
  }
  return new Allowances([], now);
}

class Scan {
  seen = 0;
  readonly #tree: FileTree;
  readonly #settings: RemovalSettings;
  readonly #allowances: Allowances;
  readonly #scanner: FileScanner;
  readonly #skip: ReadonlySet<string>;
  readonly #retired: readonly RegExp[];
  /** Retired places that were reported: a folder is one finding, not one per file. */
  readonly #reported = new Set<string>();
  readonly #findings: Finding[] = [];
  #count = { files: 0, bytes: 0, binary: 0, skipped: 0, allowed: 0, findings: 0, unread: 0 };

  constructor(tree: FileTree, settings: RemovalSettings, allowances: Allowances) {
    this.#tree = tree;
    this.#settings = settings;
    this.#allowances = allowances;
    this.#scanner = new FileScanner(settings);
    this.#skip = new Set(settings.skipFolders);
    this.#retired = settings.retiredPaths.map(pathPattern);
    for (const { path, owner, expires } of allowances.overdue) {
      const text = `${path}, allowed by ${owner} until ${expires}`;
      this.#add(finding(settings.allowFile ?? '', 0, 'overdue-allowance', text));
    }
  }

  async look(entry: TreeEntry): Promise<void> {
    this.seen += 1;
    const { path } = entry;
    // What is left at a retired path has to go as a whole: what it holds is of no interest.
    if (this.#leftover(entry) || entry.folder === true || path === this.#settings.allowFile) return;
    if (
      path
        .split('/')
        .slice(0, -1)
        .some((folder) => this.#skip.has(folder))
    ) {
      this.#count.skipped += 1;
      return;
    }
    if (entry.size > this.#settings.mostBytes) {
      this.#unread(path, `${entry.size} bytes are more than are read`);
      return;
    }
    let bytes: Uint8Array;
    try {
      bytes = await this.#tree.read(path);
    } catch (cause) {
      this.#unread(path, cause instanceof Error ? cause.message : 'it cannot be read');
      return;
    }
    // A binary lockfile still holds its names as plain bytes.
    if (isBinary(bytes) && !path.endsWith('.lockb')) {
      this.#count.binary += 1;
      return;
    }
    this.#count.files += 1;
    this.#count.bytes += bytes.length;
    for (const found of this.#scanner.scan(path, decode(bytes))) this.#add(found);
  }

  progress() {
    const { files, bytes, findings } = this.#count;
    return { files, bytes, findings };
  }

  result(): Pick<RemovalResult, 'verdict' | 'reason' | 'findings' | 'scanned'> {
    const { unread, ...scanned } = this.#count;
    const [verdict, reason] = this.#judge();
    return { verdict, reason, findings: this.#findings, scanned };
  }

  #judge(): readonly [Verdict, string] {
    const { files, unread, findings } = this.#count;
    const [first] = this.#findings.filter(({ kind }) => kind !== 'unread');
    if (first !== undefined) {
      return ['fail', `${findings - unread} places still know the lane; the first is ${first.file}:${first.line}.`];
    }
    if (files === 0) return ['inconclusive', 'No file was read.'];
    if (unread > 0) return ['inconclusive', `${unread} files could not be read.`];
    return ['pass', `Nothing was found in ${files} files.`];
  }

  #leftover({ path, tracked }: TreeEntry): boolean {
    const index = this.#retired.findIndex((pattern) => pattern.test(path));
    if (index === -1) return false;
    const parts = path.split('/');
    const length = parts.findIndex((_, at) => this.#retired[index]?.test(parts.slice(0, at + 1).join('/')) === true);
    const place = parts.slice(0, length + 1).join('/');
    if (this.#reported.has(place)) return true;
    this.#reported.add(place);
    const known = tracked === undefined ? '' : tracked ? ', tracked' : ', untracked';
    this.#add(finding(place, 0, 'leftover', `still there: ${path}${known}`));
    return true;
  }

  #unread(path: string, why: string): void {
    this.#count.unread += 1;
    this.#add(finding(path, 0, 'unread', why));
  }

  #add(found: Finding): void {
    if (this.#allowances.excuses(found)) {
      this.#count.allowed += 1;
      return;
    }
    this.#count.findings += 1;
    if (this.#findings.length < this.#settings.mostFindings) this.#findings.push(found);
  }
}

/** Git's rule: a NUL among the first bytes. */
function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8_000).includes(0);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** How many findings there are of each kind. */
export function countByKind(findings: readonly Finding[]): Readonly<Partial<Record<FindingKind, number>>> {
  const counts: Partial<Record<FindingKind, number>> = {};
  for (const { kind } of findings) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
