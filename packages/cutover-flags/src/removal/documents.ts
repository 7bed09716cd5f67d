import { escapeText } from './glob.ts';

/** A line of a document that speaks of the lane, and how. */
export interface Mention {
  /** From 1. */
  readonly line: number;
  readonly text: string;
  readonly how: 'instruction' | 'present' | 'unclosed-history';
}

const historyHeading = /^(#{1,6})\s+(history|retired|changelog)\b/i;
const heading = /^(#{1,6})\s/;
const historyBegin = /<!--\s*history:begin\s*-->/;
const historyEnd = /<!--\s*history:end\s*-->/;
const fence = /^\s*(```|~~~)/;
/** Passive voice that tells of an end: "is retired" is no present. */
const ended = /\b(?:is|are|has been|have been) (?:gone|removed|retired|deleted|replaced|switched off|no longer)\b/gi;
const past = /\b(?:was|were|had|did|used to|formerly|once|removed|retired|replaced|deleted|gone|no longer)\b/i;
const present =
  /\b(?:is|are|has|have|does|do|can|may|must|should|will|shall|runs?|serves?|reads?|sends?|carries|needs?|connects?|listens?)\b/i;
const imperative =
  /^(?:[-*]|\d+\.)?\s*(?:run|start|set|use|connect|open|configure|pass|add|export|install|point|switch|enable|call|send|roll back|go back|fall back)\b/i;

/** The lines that no history section holds; an unclosed section is a mention itself. */
export function outsideHistory(lines: readonly string[]): {
  readonly counts: readonly boolean[];
  readonly unclosed: number | null;
} {
  let marked: number | null = null;
  let level = 0;
  let fenced = false;
  const counts = lines.map((line, index) => {
    if (fence.test(line)) fenced = !fenced;
    const depth = fenced ? undefined : heading.exec(line)?.[1]?.length;
    if (depth !== undefined) {
      if (level > 0 && depth <= level) level = 0;
      if (level === 0 && historyHeading.test(line)) level = depth;
    }
    if (marked === null && historyBegin.test(line)) marked = index;
    const counted = marked === null && level === 0;
    if (marked !== null && historyEnd.test(line)) marked = null;
    return counted;
  });
  return { counts, unclosed: marked };
}

/** Where a document names the lane in the present tense or tells how to use it. What it tells of the past may stay. */
export function mentionsIn(lines: readonly string[], counts: readonly boolean[], lane: string): readonly Mention[] {
  const word = new RegExp(`(?<![a-z])${escapeText(lane)}(?![a-z])`, 'i');
  const found: Mention[] = [];
  let fenced = false;
  let paragraph: { readonly line: number; readonly text: string }[] = [];
  const flush = (): void => {
    found.push(...inParagraph(paragraph, word));
    paragraph = [];
  };
  lines.forEach((text, index) => {
    const line = index + 1;
    const isFence = fence.test(text);
    if (isFence) fenced = !fenced;
    const alone = fenced || isFence || text.trim() === '' || heading.test(text) || /^\s*(?:[-*]|\d+\.|\|)/.test(text);
    if (alone || counts[index] !== true) flush();
    if (counts[index] !== true) return;
    if (fenced && word.test(text)) found.push({ line, text, how: 'instruction' });
    else if (heading.test(text)) found.push(...inParagraph([{ line, text }], word));
    else if (!fenced && text.trim() !== '') paragraph.push({ line, text });
  });
  flush();
  return found.sort((a, b) => a.line - b.line);
}

/** Sentence by sentence: one that is only about the past is no mention. */
function inParagraph(paragraph: readonly { readonly line: number; readonly text: string }[], word: RegExp): Mention[] {
  const text = paragraph.map((line) => line.text).join('\n');
  if (!word.test(text)) return [];
  const found = new Map<number, Mention>();
  let offset = 0;
  for (const sentence of text.split(/(?<=[.!?:])(?=\s)/)) {
    const at = sentence.search(word);
    if (at !== -1) {
      const how = howItSpeaks(sentence.trim(), word);
      const place = paragraph[text.slice(0, offset + at).split('\n').length - 1];
      if (how !== null && place !== undefined) found.set(place.line, { ...place, how });
    }
    offset += sentence.length;
  }
  return [...found.values()];
}

function howItSpeaks(sentence: string, word: RegExp): 'instruction' | 'present' | null {
  const code = [...sentence.matchAll(/`([^`]+)`/g)].some(
    ([, inside]) => word.test(inside ?? '') && /[\s=/:-]/.test(inside ?? ''),
  );
  if (code || imperative.test(sentence)) return 'instruction';
  const withoutEnd = sentence.replaceAll(ended, 'was gone');
  return past.test(withoutEnd) && !present.test(withoutEnd) ? null : 'present';
}
