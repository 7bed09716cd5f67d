import type { Tone } from '../tones.ts';

// One shape per tone, so that the state can be told without its colour.
const shapes: Readonly<Record<Tone, string>> = {
  good: 'M3.5 8.5l3 3 6-7',
  busy: 'M8 2.5a5.5 5.5 0 1 1-5.5 5.5',
  warn: 'M8 4.2v4.6M8 11.4v.4M8 1.6l6.6 12H1.4z',
  bad: 'M4 4l8 8M12 4l-8 8',
  idle: 'M3.5 8h9',
};

/** The sign of a tone; the word beside it says the same. */
export function ToneIcon({ tone }: { readonly tone: Tone }) {
  return (
    <svg className="icon" data-tone={tone} viewBox="0 0 16 16" aria-hidden="true">
      <path d={shapes[tone]} />
    </svg>
  );
}

/** A word with the sign and colour of its tone. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <span className="badge" data-tone={tone}>
      <ToneIcon tone={tone} />
      {children}
    </span>
  );
}
