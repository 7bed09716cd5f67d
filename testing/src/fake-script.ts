/** One thing the fake model does: call the shell, or say something in pieces. */
export type FakeStep =
  | { readonly type: 'command'; readonly command: string }
  | { readonly type: 'message'; readonly deltas: readonly string[] };

/** What the fake model does when a prompt comes in: its steps, in order. */
export interface FakeTurn {
  /** The user's text, exactly. */
  readonly prompt: string;
  readonly steps: readonly FakeStep[];
}

/** Cuts a text into the pieces that a message step sends: whole words, so that joining gives the text again. */
export function deltasOf(text: string): readonly string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

/**
 * The steps that answer one model request: after as many commands as the request already carries results of, up to and
 * including the next command. The request alone decides, so threads may run at the same time in any order.
 *
 * Undefined when no turn has the request's last user prompt, or its script is used up.
 */
export function findScriptedPart(turns: readonly FakeTurn[], body: unknown): readonly FakeStep[] | undefined {
  const input = isRecord(body) && Array.isArray(body.input) ? (body.input as unknown[]) : [];
  const prompts = new Map(turns.map((turn) => [turn.prompt, turn]));
  let turn: FakeTurn | undefined;
  let results = 0;
  for (const item of input) {
    if (!isRecord(item)) continue;
    if (item.type === 'message' && item.role === 'user') {
      const found = userTexts(item).map((text) => prompts.get(text));
      const match = found.find((candidate) => candidate !== undefined);
      // Codex adds user messages of its own (environment, instructions); only a scripted prompt starts a turn.
      if (match !== undefined) {
        turn = match;
        results = 0;
      }
    } else if (item.type === 'function_call_output') results += 1;
  }
  if (turn === undefined) return undefined;
  const parts = splitAfterCommands(turn.steps);
  return parts[results];
}

function splitAfterCommands(steps: readonly FakeStep[]): readonly (readonly FakeStep[])[] {
  const parts: FakeStep[][] = [[]];
  for (const step of steps) {
    parts.at(-1)?.push(step);
    if (step.type === 'command') parts.push([]);
  }
  return parts;
}

function userTexts(item: Record<string, unknown>): string[] {
  if (!Array.isArray(item.content)) return [];
  return (item.content as unknown[]).flatMap((part) =>
    isRecord(part) && typeof part.text === 'string' ? [part.text] : [],
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
