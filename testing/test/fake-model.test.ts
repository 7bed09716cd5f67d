import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { deltasOf, type FakeModel, startFakeModel } from '../src/index.ts';

let model: FakeModel;

beforeEach(async () => {
  model = await startFakeModel({
    turns: [
      {
        prompt: 'list',
        steps: [
          { type: 'message', deltas: ['I ', 'look.'] },
          { type: 'command', command: 'ls' },
          { type: 'command', command: 'wc' },
          { type: 'message', deltas: ['Done.'] },
        ],
      },
      { prompt: 'thanks', steps: [{ type: 'message', deltas: ['Welcome.'] }] },
    ],
  });
});
afterEach(() => model.close());

const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
const output = { type: 'function_call_output', call_id: 'call_1', output: 'x' };

interface StreamEvent {
  readonly type: string;
  readonly delta?: string;
  readonly item?: {
    readonly type: string;
    readonly arguments?: string;
    readonly content?: readonly { text: string }[];
  };
}

async function ask(...input: object[]): Promise<StreamEvent[]> {
  const response = await fetch(`${model.url}/responses`, { method: 'POST', body: JSON.stringify({ input }) });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events = (await response.text()).trimEnd().split('\n\n');
  return events.map((event) => {
    const [name, data] = event.split('\n');
    const parsed = JSON.parse(String(data).slice('data: '.length)) as StreamEvent;
    expect(name).toBe(`event: ${parsed.type}`);
    return parsed;
  });
}

const commands = (events: readonly StreamEvent[]): string[] =>
  events.flatMap((event) => (event.item?.arguments === undefined ? [] : [JSON.parse(event.item.arguments).cmd]));

describe('fake model', () => {
  test('says its words, then asks for the first command and waits for its result', async () => {
    const events = await ask(user('<environment_context>'), user('list'));
    expect(events.map((event) => event.type)).toEqual([
      'response.created',
      'response.output_item.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_item.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.flatMap((event) => event.delta ?? [])).toEqual(['I ', 'look.']);
    expect(events[4]?.item?.content).toEqual([{ type: 'output_text', text: 'I look.' }]);
    expect(commands(events)).toEqual(['ls']);
  });

  test('goes on by the results in the request, so that threads may overlap', async () => {
    const [second, first, last] = await Promise.all([
      ask(user('list'), output),
      ask(user('list')),
      ask(user('list'), output, output),
    ]);
    expect([first, second, last].map(commands)).toEqual([['ls'], ['wc'], []]);
    expect(last.flatMap((event) => event.delta ?? [])).toEqual(['Done.']);
  });

  test('a later prompt of the same thread starts its own turn', async () => {
    const events = await ask(user('list'), output, output, user('thanks'));
    expect(events.flatMap((event) => event.delta ?? [])).toEqual(['Welcome.']);
  });

  test('refuses what is not in the script, and says so', async () => {
    const post = (body: string) => fetch(`${model.url}/responses`, { method: 'POST', body });
    expect((await post(JSON.stringify({ input: [user('something else')] }))).status).toBe(400);
    expect((await post(JSON.stringify({ input: [user('thanks'), output] }))).status).toBe(400);
    expect((await post('not json')).status).toBe(400);
    expect((await fetch(`${model.url}/models`)).status).toBe(404);
    expect(model.requests.map((request) => request.status)).toEqual([400, 400, 400, 404]);
  });

  test('the pieces of a text join to the text', () => {
    for (const text of ['', 'one', ' two  words\n', 'a\n\nb c']) expect(deltasOf(text).join('')).toBe(text);
    expect(deltasOf('a b')).toEqual(['a ', 'b']);
  });
});
