import { describe, expect, test } from '@jest/globals';
import { LaunchError } from '../src/errors.ts';
import { help, parseOptions } from '../src/options.ts';

describe('options', () => {
  test('without any, the recorded feed plays at a visible pace on fixed ports', () => {
    expect(parseOptions([])).toMatchObject({
      once: false,
      feed: 'recorded',
      paceMs: 120,
      controlPort: 4310,
      desktopPort: 4311,
      spacetimePort: 4312,
      external: undefined,
      database: 'autopilot-sync',
    });
  });

  test('--once plays as fast as it goes on free ports', () => {
    expect(parseOptions(['--once'])).toMatchObject({ once: true, paceMs: 0, controlPort: 0, desktopPort: 0 });
  });

  test('--spacetime names another host, with or without publishing', () => {
    expect(parseOptions(['--spacetime', 'http://127.0.0.1:3000/', '--database', 'x', '--publish'])).toMatchObject({
      external: { uri: 'http://127.0.0.1:3000', publish: true },
      database: 'x',
    });
  });

  test('--feed codex takes a prompt and a folder', () => {
    expect(parseOptions(['--feed', 'codex', '--codex-prompt=-x', '--codex-dir', 'd'])).toMatchObject({
      ...{ feed: 'codex', codexPrompt: '-x', codexDir: 'd' },
    });
  });

  test.each([
    [['--frobnicate'], /--frobnicate/],
    [['stray'], /stray/],
    [['--feed', 'radio'], /radio/],
    [['--once', '--feed', 'codex'], /--once/],
    [['--feed', 'none', '--feed-file', 'x'], /--feed-file/],
    [['--codex-prompt', 'hello'], /--codex-prompt/],
    [['--feed', 'none', '--codex-dir', 'x'], /--codex-dir/],
    [['--feed', 'codex', '--codex-prompt', ' '], /--codex-prompt/],
    [['--publish'], /--spacetime/],
    [['--spacetime', 'ftp://x'], /ftp:/],
    [['--spacetime', 'nonsense'], /nonsense/],
    [['--database', 'Upper_Case'], /Upper_Case/],
    [['--pace', 'fast'], /--pace/],
    [['--pace', ''], /--pace/],
    [['--pace', '-1'], /--pace/],
    [['--control-port', '70000'], /65535/],
    [['--pace'], /--pace/],
  ])('%j is refused with one line that names the option', (args, pattern) => {
    const caught = catchError(() => parseOptions(args));
    expect(caught).toBeInstanceOf(LaunchError);
    expect((caught as LaunchError).code).toBe('usage');
    expect((caught as LaunchError).message).toMatch(pattern);
    expect((caught as LaunchError).message).not.toMatch(/\n/);
  });

  test('the help text names every option', () => {
    expect(parseOptions(['--help'])).toBe('help');
    for (const name of [
      'once',
      'feed',
      'feed-file',
      'codex-prompt',
      'codex-dir',
      'pace',
      'data-dir',
      'spacetime',
      'database',
      'publish',
      'patience',
    ]) {
      expect(help).toContain(`--${name}`);
    }
  });
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
