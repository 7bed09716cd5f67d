import { expect, test } from '@jest/globals';
import { camelCase, snakeCase } from '../../src/engine/names.ts';

test.each([
  ['Player1', 'player_1'],
  ['roomId', 'room_id'],
  ['live_inbox', 'live_inbox'],
  ['HTTPServer', 'http_server'],
  ['sha256Hash', 'sha_256_hash'],
  ['player2D', 'player_2_d'],
  ['a-b c', 'a_b_c'],
  ['__x__', 'x'],
  ['ÄrgerGroß', 'ärger_groß'],
])('%s is %s', (source, canonical) => {
  expect(snakeCase(source)).toBe(canonical);
});

test('variants are camel case', () => {
  expect(['Red', 'DarkRed', 'dark_red', 'RGB'].map(camelCase)).toEqual(['red', 'darkRed', 'darkRed', 'rgb']);
});
