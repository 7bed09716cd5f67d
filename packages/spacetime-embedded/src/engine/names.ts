const separator = /[\s_-]/;

/** Splits an identifier into words: at separators, at changes of case, between letters and digits, after acronyms. */
function words(identifier: string): string[] {
  const out: string[] = [];
  let word = '';
  const characters = [...identifier];
  characters.forEach((character, index) => {
    if (separator.test(character)) {
      if (word !== '') out.push(word);
      word = '';
      return;
    }
    const previous = characters[index - 1];
    if (word !== '' && previous !== undefined && isBoundary(previous, character, characters[index + 1])) {
      out.push(word);
      word = '';
    }
    word += character;
  });
  if (word !== '') out.push(word);
  return out;
}

/** `playerState1` becomes `player_state_1`. */
export function snakeCase(identifier: string): string {
  return words(identifier)
    .map((word) => word.toLowerCase())
    .join('_');
}

/** `PlayerState` becomes `playerState`. */
export function camelCase(identifier: string): string {
  return words(identifier)
    .map((word, index) => {
      const lower = word.toLowerCase();
      return index === 0 ? lower : lower.charAt(0).toUpperCase() + lower.slice(1);
    })
    .join('');
}

function isBoundary(left: string, right: string, after: string | undefined): boolean {
  const a = kindOf(left);
  const b = kindOf(right);
  if (a === 'lower' && b === 'upper') return true;
  if ((a === 'digit') !== (b === 'digit') && a !== 'other' && b !== 'other') return true;
  // HTTPServer: the last capital of a run belongs to the word that follows.
  return a === 'upper' && b === 'upper' && after !== undefined && kindOf(after) === 'lower';
}

function kindOf(character: string): 'upper' | 'lower' | 'digit' | 'other' {
  if (/[0-9]/.test(character)) return 'digit';
  if (/\p{Lu}/u.test(character)) return 'upper';
  if (/\p{Ll}/u.test(character)) return 'lower';
  return 'other';
}
