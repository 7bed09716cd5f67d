// The longest test files begin first, so that none of them is left over at the end with nobody to work beside it. jest by
// itself knows how long a file takes only where it has run before.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import Sequencer from '@jest/test-sequencer';

const root = path.join(import.meta.dirname, '..', '..');
const longest = JSON.parse(readFileSync(path.join(import.meta.dirname, 'longest-first.json'), 'utf8'));

/** From the longest one down; all that are not listed are equal. */
const place = (test) => {
  const at = longest.indexOf(path.relative(root, test.path));
  return at < 0 ? longest.length : at;
};

// biome-ignore lint/style/noDefaultExport: it is what jest asks for
export default class LongestFirst extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    return [...sorted].sort((one, other) => place(one) - place(other));
  }
}
