/** What a file is to a scan. */
export type FileRole = 'manifest' | 'lockfile' | 'bundle' | 'source' | 'document' | 'config' | 'text';

const manifests =
  /(^|\/)(package\.json|pnpm-workspace\.yaml|lerna\.json|nx\.json|turbo\.json|rush\.json|deno\.jsonc?|jsr\.json|tsconfig[^/]*\.json|Cargo\.toml|go\.mod)$/;
const lockfiles =
  /(^|\/)(pnpm-lock\.yaml|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|bun\.lockb?|deno\.lock|Cargo\.lock|go\.sum)$/;
const builtFolder = /(^|\/)(dist|build|out|\.next|\.output|public\/assets)\//;
const builtFile = /\.(js|mjs|cjs|html|map)$/;
const minified = /\.(min|bundle)\.(js|mjs|cjs)$/;
const source = /\.([cm]?[jt]sx?|vue|svelte|astro)$/;
const document = /\.(md|mdx|markdown|rst|adoc|txt|html?)$/i;
const config =
  /(^|\/)(\.env[^/]*|[^/]*\.(ya?ml|jsonc?|json5|toml|ini|conf|cfg|properties|tf|tfvars|hcl|service|sh|bash|zsh|plist|xml)|Dockerfile[^/]*|Makefile|Justfile|Procfile|\.npmrc|\.envrc)$/;

/** The role of a path. */
export function roleOf(path: string): FileRole {
  if (lockfiles.test(path)) return 'lockfile';
  if (minified.test(path) || (builtFolder.test(path) && builtFile.test(path))) return 'bundle';
  if (manifests.test(path)) return 'manifest';
  if (source.test(path)) return 'source';
  if (document.test(path)) return 'document';
  return config.test(path) ? 'config' : 'text';
}
