// Rules about files that the linter cannot say: size, ports, and nothing of one machine in the repository.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const longest = 700;
const findings = [];

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(path.join(root, file)));

/** Globals that packages take as ports. Timers, console and fetch are the linter's. */
const portGlobals = /\b(Date\.now\(|new Date\(\)|Math\.random\(|performance\.(now|timeOrigin)\b)/;
const portsAllowed = new Set(['packages/sync-contract/src/system-ports.ts']);
const machinePaths = /(^|[\s"'`(=])\/(work|root)\/[A-Za-z]|https?:\/\/registry\.|deb\.debian\.org/;
// The recorded feed and the lockfile are data; this file names the patterns.
const unread = [/^pnpm-lock\.yaml$/, /^tools\/check-files\.mjs$/, /\/fixtures\//, /\.(png|ico|woff2)$/];

for (const file of tracked) {
  if (unread.some((pattern) => pattern.test(file))) continue;
  const text = readFileSync(path.join(root, file), 'utf8');
  const lines = text.split('\n');
  if (/\.(ts|tsx|mjs)$/.test(file) && lines.length > longest) {
    findings.push(`${file}: ${lines.length} lines; split it (at most ${longest})`);
  }
  lines.forEach((line, index) => {
    const at = `${file}:${index + 1}`;
    const code = line.replace(/^\s*(\*|\/\/).*$/, '');
    if (/^packages\/[^/]+\/src\//.test(file) && !portsAllowed.has(file) && portGlobals.test(code)) {
      findings.push(`${at}: takes time or chance from a global; take a port`);
    }
    if (machinePaths.test(line)) findings.push(`${at}: names a path or a host of one machine`);
  });
}

for (const folder of readdirSync(path.join(root, 'packages'))) {
  for (const name of ['README.md', 'CHANGELOG.md']) {
    if (!existsSync(path.join(root, 'packages', folder, name))) findings.push(`packages/${folder}: ${name} is missing`);
  }
}

for (const finding of findings) process.stderr.write(`${finding}\n`);
process.stdout.write(`${tracked.length} files checked, ${findings.length} findings\n`);
process.exit(findings.length === 0 ? 0 : 1);
