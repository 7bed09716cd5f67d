/** What a text is about; the words say it too, colour only repeats it. */
export type Tone = 'none' | 'good' | 'bad' | 'warn' | 'dim' | 'strong' | 'alarm';

const codes: Readonly<Record<Exclude<Tone, 'none'>, string>> = {
  good: '32',
  bad: '31',
  warn: '33',
  dim: '2',
  strong: '1',
  alarm: '1;41;97',
};

/** Gives a text its colour, or leaves it as it is. */
export type Style = (text: string, tone: Tone) => string;

/** Colours on a terminal that can show them, and never with NO_COLOR. */
export function styleFor(
  output: { readonly terminal: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Style {
  const off = (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
  if (!output.terminal || off) return (text) => text;
  return (text, tone) => (tone === 'none' || text === '' ? text : `\u001b[${codes[tone]}m${text}\u001b[0m`);
}
