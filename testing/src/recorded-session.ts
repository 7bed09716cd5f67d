// The session that testing/fixtures/codex-app-server.jsonl was recorded from: three threads of work on a small shell
// project. Commands print nothing of the machine: no dates, owners, host names or paths outside the working folder.
import { deltasOf, type FakeStep, type FakeTurn } from './fake-script.ts';

/** What the person at the keyboard answers to an approval request. */
export type ScriptedDecision = 'accept' | 'decline';

/** One turn of the session, and which of its commands the person declines. */
export interface RecordedTurn extends FakeTurn {
  /** The thread, by number from 0. */
  readonly thread: number;
  /** Commands answered with `decline`; all others are accepted. */
  readonly declined: readonly string[];
}

const run = (command: string): FakeStep => ({ type: 'command', command });
const say = (text: string): FakeStep => ({ type: 'message', deltas: deltasOf(text) });

/** The files of the project before the session starts: path in the working folder -> content. */
export const projectFiles: Readonly<Record<string, string>> = {
  'README.md': '# tally\n\nAdds up the numbers of a file, one per line.\n\nUsage: sh tally.sh FILE\n',
  'tally.sh':
    '#!/bin/sh\n# Adds up the numbers of a file, one per line.\nsum=0\nwhile read -r n; do\n  sum=$((sum + n))\ndone < "$1"\necho "$sum"\n',
  'test/run.sh':
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder is the shell's.
    '#!/bin/sh\nfail=0\nfor case in test/cases/*.in; do\n  want=$(cat "${case%.in}.out")\n  got=$(sh tally.sh "$case")\n  if [ "$got" = "$want" ]; then echo "ok   $case"; else echo "FAIL $case: want $want, got $got"; fail=1; fi\ndone\nexit $fail\n',
  'test/cases/small.in': '1\n2\n3\n',
  'test/cases/small.out': '6\n',
  'test/cases/last-line.in': '10\n20\n12',
  'test/cases/last-line.out': '42\n',
};

/** The session, in the order the turns are started. Turns of different threads overlap. */
export const recordedTurns: readonly RecordedTurn[] = [
  {
    thread: 0,
    prompt: 'The tests fail on my machine. Find out why.',
    declined: [],
    steps: [
      say('I will look at the project first, then run its tests.'),
      run('find . -type f -not -path "./.git/*" | sort'),
      run('sh test/run.sh'),
      say('One case fails: the file whose last line has no newline. Let me read the loop.'),
      run('cat tally.sh'),
      say(
        'The cause is the loop `while read -r n`: at the end of the file `read` returns a failure when the last line has no newline, although it has filled `n`. ' +
          'So the last number is dropped: 10 and 20 are added, 12 is not. The usual remedy is `while read -r n || [ -n "$n" ]`. Shall I change it?',
      ),
    ],
  },
  {
    thread: 1,
    prompt: 'Write a longer test case with the numbers from 1 to 5000.',
    declined: [],
    steps: [
      run('seq 1 5000 > test/cases/long.in && echo 12502500 > test/cases/long.out && wc -l test/cases/long.in'),
      run('cat test/cases/long.in'),
      say('The case is there: 5000 lines, and the sum must be 5000 · 5001 / 2 = 12 502 500.'),
    ],
  },
  {
    thread: 0,
    prompt: 'Yes, change it and run the tests again.',
    declined: [],
    steps: [
      run(`sed -i 's/while read -r n; do/while read -r n || [ -n "$n" ]; do/' tally.sh`),
      run('sh test/run.sh'),
      say(
        'All cases pass now. I changed one line of `tally.sh`: the loop condition also holds when `read` fails but has filled `n`, which is the case for a last line without a newline.',
      ),
    ],
  },
  {
    thread: 2,
    prompt: 'Tidy up: remove everything that is not needed.',
    declined: ['rm -rf test'],
    steps: [
      run('find . -type f -not -path "./.git/*" | wc -l'),
      say('The tests take most of the files. I would remove them.'),
      run('rm -rf test'),
      say(
        'You declined that, so I leave the tests alone. Nothing else in this folder looks superfluous to me: a script, a README and the tests that belong to it.',
      ),
    ],
  },
  {
    thread: 1,
    prompt: 'And one for negative numbers, please.',
    declined: [],
    steps: [
      run(`printf '5\\n-7\\n-40\\n' > test/cases/negative.in && echo -42 > test/cases/negative.out`),
      run('sh test/run.sh'),
      run('cat test/cases/negative.in test/cases/negative.out'),
      say('Negative numbers work without a change to the script; the case keeps it so.'),
    ],
  },
  {
    thread: 2,
    prompt: 'Fine. Then describe the tests in the README instead.',
    declined: [],
    steps: [
      run(
        `printf '\\nTests: sh test/run.sh runs every pair of test/cases/NAME.in and NAME.out and prints a line for each.\\n' >> README.md`,
      ),
      run('cat README.md'),
      say('The README now says how to run the tests and how a case is made up.'),
    ],
  },
  {
    thread: 0,
    prompt: 'What happens with a file that does not exist?',
    declined: [],
    steps: [
      run('sh tally.sh missing.txt'),
      say(
        'The shell says that it cannot open the file, but the script still prints 0 and ends with status 0. A missing file must not count as zero:',
      ),
      run(
        `sed -i 's|^sum=0$|[ -r "$1" ] \\|\\| { echo "tally: cannot read $1" >\\&2; exit 2; }\\nsum=0|' tally.sh && sh tally.sh missing.txt`,
      ),
      run('sh test/run.sh && cat tally.sh'),
      say(
        'Now it prints `tally: cannot read missing.txt` and ends with status 2. The tests still pass. ' +
          'I did not add a case for it, because the runner compares standard output only; say so if you would like me to extend it.',
      ),
    ],
  },
];
