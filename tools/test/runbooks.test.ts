import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { commands } from '../../apps/control/src/cutover-cli/commands.ts';
import { parseLine } from '../../apps/control/src/cutover-cli/line/parse-line.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = path.join(root, 'docs/runbooks');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const names = readdirSync(folder).filter((name) => name.endsWith('.md'));

/** The commands of a document: lines of shell blocks, and code in a sentence that begins with `pnpm`. */
function commandsIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, body = '']) =>
    body.replaceAll('\\\n', ' ').split('\n'),
  );
  const inline = [...text.replaceAll(/^```.*?^```$/gms, '').matchAll(/`(pnpm [^`]+)`/g)].map(([, body = '']) => body);
  return [...blocks, ...inline].map((line) => line.trim()).filter((line) => line.startsWith('pnpm '));
}

/** The words of a shell line with double quotes. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

/** Throws what the command line would refuse. */
function check(line: string): void {
  const [, script = '', ...args] = words(line);
  if (manifest.scripts[script] === undefined) throw new Error(`There is no script ${script}.`);
  if (script !== 'cutover' || args[0] === 'rehearse') return;
  // A command named in a sentence without its options is only looked up.
  const { spec, args: read } = parseLine(args.length === 1 ? [args[0] ?? '', '--help'] : args, commands);
  if (args.length > 1) spec.read(read);
}

describe('the runbooks', () => {
  test('the check finds commands, and finds those that are wrong', () => {
    const text = 'Use `pnpm cutover statsu`.\n```sh\npnpm cutover approve \\\n  x --reason "a b"\n# note\n```\n';
    expect(commandsIn(text)).toEqual(['pnpm cutover approve    x --reason "a b"', 'pnpm cutover statsu']);
    expect(() => check('pnpm cutover approve x --reason "a b"')).not.toThrow();
    expect(() => check('pnpm cutover statsu')).toThrow('Did you mean "status"?');
    expect(() => check('pnpm cutover rollback --cohort 5')).toThrow('--reason is missing');
    expect(() => check('pnpm gaet')).toThrow('no script gaet');
  });

  test.each(names)('%s: every command is one, and spacetime is the canonical lane', (name) => {
    const text = readFileSync(path.join(folder, name), 'utf8');
    expect(text).toContain('`spacetime` is the canonical sync lane');
    const found = commandsIn(text);
    for (const line of found) {
      try {
        check(line);
      } catch (error) {
        throw new Error(`${name}: ${line}: ${(error as Error).message}`);
      }
    }
    // What is left of a runbook without the lane need not command anything.
    const whole = existsSync(path.join(root, 'packages/legacy-lane'));
    expect(found.length).toBeGreaterThan(whole ? 0 : -1);
  });

  test('there is one for each stage, for both ways back, and for gates', () => {
    expect(names).toEqual(
      expect.arrayContaining([
        ...[0, 1, 2, 3].map((stage) => `stage-${stage}.md`),
        'rollback.md',
        'emergency-fallback.md',
        'gates-and-evidence.md',
      ]),
    );
    expect(commandsIn(readFileSync(path.join(folder, 'gates-and-evidence.md'), 'utf8')).length).toBeGreaterThan(5);
  });

  test('links lead to documents and headings that are there', () => {
    for (const name of names) {
      const text = readFileSync(path.join(folder, name), 'utf8');
      for (const [, file = '', anchor] of text.matchAll(/\]\(([^)#:]+)(?:#([^)]+))?\)/g)) {
        const target = path.join(folder, file);
        expect([file, existsSync(target)]).toEqual([file, true]);
        const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
          heading
            .toLowerCase()
            .replaceAll(/[^a-z0-9 -]/g, '')
            .replaceAll(' ', '-'),
        );
        if (anchor !== undefined) expect(headings).toContain(anchor);
      }
    }
  });
});
