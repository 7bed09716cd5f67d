import { accessSync, constants, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { CodexError } from './errors.ts';

/** Where the Codex program is, and who said so. */
export interface FoundCodex {
  readonly file: string;
  readonly by: 'option' | 'CODEX_BIN' | 'package' | 'PATH';
}

/** What {@link findCodex} looks at. */
export interface FindCodexOptions {
  readonly codexBin?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Resolves a module of a package to a file, or throws; the default looks from this file. */
  readonly resolve?: (specifier: string) => string;
}

const targets: Readonly<Record<string, string>> = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
};

/**
 * Finds the program: the option, then CODEX_BIN, then the optional package, then PATH. What is named explicitly is used
 * or refused, never passed over.
 *
 * @throws {CodexError} `codex_not_installed`.
 */
export function findCodex(options: FindCodexOptions): FoundCodex {
  const named = [
    { by: 'option', file: options.codexBin },
    { by: 'CODEX_BIN', file: options.env.CODEX_BIN },
  ] as const;
  for (const { by, file } of named) {
    if (file === undefined || file === '') continue;
    if (isProgram(file)) return { file: path.resolve(file), by };
    const source = by === 'option' ? 'The option' : 'CODEX_BIN';
    throw new CodexError('codex_not_installed', `${source} names "${file}", which is no program that can be run.`);
  }
  const packaged = findPackaged(options.resolve ?? createRequire(import.meta.url).resolve);
  if (packaged !== undefined) return { file: packaged, by: 'package' };
  for (const folder of (options.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'codex');
    // A relative folder of PATH would let the working folder choose what is run.
    if (path.isAbsolute(folder) && isProgram(file)) return { file, by: 'PATH' };
  }
  throw new CodexError('codex_not_installed', 'Codex is not installed.');
}

/** The native program inside the platform package that `@openai/codex` brings along. */
function findPackaged(resolve: (specifier: string) => string): string | undefined {
  const platform = `${process.platform}-${process.arch}`;
  const target = targets[platform];
  if (target === undefined) return undefined;
  try {
    const wrapper = resolve('@openai/codex/package.json');
    const native = createRequire(wrapper).resolve(`@openai/codex-${platform}/package.json`);
    const file = path.join(path.dirname(native), 'vendor', target, 'bin', 'codex');
    return isProgram(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
