// What the tests of a package use of a test runner, without a runner: collected here, run by the worker one by one.
import { expect } from 'expect';

export { expect };

type Body = (...args: never[]) => unknown;

/** A test, with what has to run around it. */
export interface Case {
  readonly name: string;
  readonly run: () => Promise<void>;
}

interface Suite {
  readonly name: string;
  readonly before: Body[];
  readonly after: Body[];
}

let suites: readonly Suite[] = [newSuite('')];
let cases: Case[] = [];

function newSuite(name: string): Suite {
  return { name, before: [], after: [] };
}

/** The tests that were collected since the last call. */
export function takeCases(): readonly Case[] {
  const taken = cases;
  suites = [newSuite('')];
  cases = [];
  return taken;
}

function addSuite(name: string, body: Body, args: readonly unknown[] = []): void {
  const outer = suites;
  suites = [...outer, newSuite(name)];
  body(...(args as never[]));
  suites = outer;
}

function addCase(name: string, body: Body, args: readonly unknown[] = []): void {
  const around = suites;
  cases.push({
    name: [...around.map((suite) => suite.name), name].filter((part) => part !== '').join(' > '),
    async run() {
      for (const before of around.flatMap((suite) => suite.before)) await before();
      try {
        await body(...(args as never[]));
      } finally {
        for (const after of around.toReversed().flatMap((suite) => suite.after)) await after();
      }
    },
  });
}

const forEach = (add: typeof addCase) => (table: readonly unknown[]) => (name: string, body: Body) => {
  for (const [index, row] of table.entries()) add(`${name} [${index}]`, body, Array.isArray(row) ? row : [row]);
};

export const describe = Object.assign((name: string, body: Body) => addSuite(name, body), { each: forEach(addSuite) });
export const test = Object.assign((name: string, body: Body) => addCase(name, body), { each: forEach(addCase) });
export const beforeEach = (body: Body) => void suites.at(-1)?.before.push(body);
export const afterEach = (body: Body) => void suites.at(-1)?.after.push(body);
