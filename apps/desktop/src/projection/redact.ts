/** What stands in the place of a secret. */
const redacted = '(redacted)';

/** A text that is replaced wherever it stands, e.g. the home folder by `~`. */
export interface Hidden {
  readonly text: string;
  readonly as: string;
}

interface Rule {
  readonly pattern: RegExp;
  readonly replacement: string;
}

// What stands before the word stays as it is, so the search starts at the word; what stands after it is bounded. The time
// must stay linear for any output of a command.
const name = String.raw`(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)[\w.-]{0,40}`;

// Rules for known forms come first: they keep more of the surrounding text than the general ones.
const rules: readonly Rule[] = [
  {
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    replacement: redacted,
  },
  // JSON web tokens, also unsigned ones.
  { pattern: /\beyJ[\w-]{8,400}\.[\w-]{4,}\.[\w-]*/g, replacement: redacted },
  { pattern: /\b(?:sk|pk|rk)[-_][\w-]{16,}/g, replacement: redacted },
  { pattern: /\bgh[opsru]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}/g, replacement: redacted },
  {
    pattern: /\bxox[a-z]-[\w-]{8,}|\bnpm_\w{20,}|\bhf_\w{20,}|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}/g,
    replacement: redacted,
  },
  { pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bnsec1[0-9a-z]{20,}/g, replacement: redacted },
  { pattern: /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, replacement: `$1 ${redacted}` },
  { pattern: /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}):[^\s/@]{1,500}@/gi, replacement: `$1:${redacted}@` },
  // Assignments to environment variables, whatever they are called: `export A=b`, the output of `env`.
  { pattern: /(?<![\w$])([A-Z][A-Z0-9_]{1,})=("[^"\n]*"|'[^'\n]*'|[^\s"'&;|]+)/g, replacement: `$1=${redacted}` },
  // Members and options that say what they are: `"apiKey": "x"`, `--token x`, `password: x`.
  {
    pattern: new RegExp(String.raw`(${name}"\s*:\s*)("(?:[^"\\]|\\.)*"|[\w.-]+)`, 'gi'),
    replacement: `$1"${redacted}"`,
  },
  {
    pattern: new RegExp(String.raw`(--[\w-]{0,40}?${name})([= ])("[^"\n]*"|'[^'\n]*'|[^\s"']+)`, 'gi'),
    replacement: `$1$2${redacted}`,
  },
  {
    pattern: new RegExp(String.raw`(${name}\s{0,8}[=:]\s{0,8})("[^"\n]*"|'[^'\n]*'|[^\s"',;&|()]+)`, 'gi'),
    replacement: `$1${redacted}`,
  },
];

/**
 * Takes secrets of known forms, values of environment variables and the hidden texts out of a text. It works on forms,
 * so a secret that looks like an ordinary word passes.
 */
export function redact(text: string, hidden: readonly Hidden[]): string {
  let result = text;
  for (const { pattern, replacement } of rules) result = result.replace(pattern, replacement);
  for (const { text: wanted, as } of hidden) {
    // A home folder of `/` would take every path apart, and `/root` is no part of `/rootfs`.
    if (wanted.length > 1) result = result.replace(new RegExp(`${escapePattern(wanted)}(?![\\w-])`, 'g'), () => as);
  }
  return result;
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
