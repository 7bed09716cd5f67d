import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type GateId, gateIds } from '../../packages/cutover-flags/src/gates/gate.ts';

/** What a package promises to run for one gate: an entry of its `gates.json`. */
export interface GateCases {
  /** Test files, relative to the package. Every test in them is a case. */
  readonly tests: readonly string[];
  /** Fewer cases than this have proved nothing. At least 1. */
  readonly minimum_cases: number;
  /** Events that the cases together have to drive; 0 only for a gate through which no event flows. */
  readonly minimum_events: number;
  /** A gate that takes longer hangs; 300 where its entry does not say. */
  readonly longest_seconds: number;
}

/** The gates of one package, with its folder relative to the repository. */
export interface GatedPackage {
  readonly folder: string;
  readonly name: string;
  readonly script: string | undefined;
  readonly gates: ReadonlyMap<GateId, GateCases>;
}

/** Where each gate has to have cases. A package that is not in the tree is not asked. */
export const homes: Readonly<Partial<Record<GateId, readonly string[]>>> = {
  'replay-determinism': ['packages/apply-engine', 'packages/checkpoint'],
  'duplicate-delivery': ['packages/apply-engine', 'packages/checkpoint'],
  'stale-cursor-recovery': ['packages/session'],
  'token-refresh': ['packages/session'],
  'bridge-isolation': ['packages/nostr-bridge'],
  'lane-conformance': ['packages/legacy-lane', 'packages/session'],
  rulebook: ['packages/cutover-flags'],
  'router-handover': ['apps/desktop'],
};

/** Packages whose gate measures: it runs after all others, alone. */
export const measuring: readonly string[] = ['@autopilot/nostr-bridge'];

/** The command of every package's `gate` script. */
export const gateScript =
  'node --conditions=@autopilot/source --disable-warning=ExperimentalWarning ../../tools/gate/run-gate.ts';

/** Reads the gates.json of one package. @throws {Error} saying what is wrong, with the file's path. */
export function readGates(root: string, folder: string): GatedPackage {
  const file = path.join(root, folder, 'gates.json');
  const manifest = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  const entries = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>);
  if (entries.length === 0) throw new Error(`${folder}/gates.json names no gate`);
  return {
    folder,
    name: manifest.name,
    script: manifest.scripts?.gate,
    gates: new Map(
      entries.map(([gate, cases]) => [gateOf(gate, folder), casesOf(cases, `${folder}/gates.json: ${gate}`)]),
    ),
  };
}

/** Every package of the repository with a gates.json, by folder. */
export function readGateMap(root: string): readonly GatedPackage[] {
  return globSync(['packages/*/gates.json', 'apps/*/gates.json', 'modules/*/gates.json'], { cwd: root })
    .sort()
    .map((file) => readGates(root, path.dirname(file)));
}

/** What is wrong with the map. */
export function checkGateMap(root: string, packages: readonly GatedPackage[]): readonly string[] {
  const findings: string[] = [];
  for (const { folder, script, gates } of packages) {
    if (script !== gateScript) findings.push(`${folder}/package.json: its script "gate" has to be: ${gateScript}`);
    for (const [gate, { tests }] of gates) {
      for (const test of tests) {
        if (!existsSync(path.join(root, folder, test)))
          findings.push(`${folder}: ${gate} names ${test}, which is missing`);
      }
    }
  }
  for (const [gate, folders] of Object.entries(homes) as [GateId, readonly string[]][]) {
    const present = folders.filter((folder) => existsSync(path.join(root, folder, 'package.json')));
    for (const folder of present) {
      const found = packages.some((one) => one.folder === folder && one.gates.has(gate));
      if (!found) findings.push(`${folder}: has no cases for the gate ${gate}; name them in its gates.json`);
    }
    if (packages.some((one) => one.gates.has(gate))) continue;
    if (present.length === 0) findings.push(`${gate}: no package runs this gate`);
  }
  return findings;
}

function gateOf(text: string, folder: string): GateId {
  const gate = gateIds.find((id) => id === text);
  if (gate === undefined)
    throw new Error(`${folder}/gates.json: there is no gate "${text}"; known: ${gateIds.join(', ')}`);
  return gate;
}

function casesOf(value: unknown, at: string): GateCases {
  const {
    tests,
    minimum_cases,
    minimum_events,
    longest_seconds = 300,
    ...others
  } = (value ?? {}) as Record<string, unknown>;
  if (Object.keys(others).length > 0) throw new Error(`${at} has the unknown member "${Object.keys(others)[0]}"`);
  if (!Array.isArray(tests) || tests.length === 0 || tests.some((test) => typeof test !== 'string')) {
    throw new Error(`${at}: tests has to be a list of test files`);
  }
  return {
    tests: tests as string[],
    minimum_cases: wholeFrom(1, minimum_cases, `${at}: minimum_cases`),
    minimum_events: wholeFrom(0, minimum_events, `${at}: minimum_events`),
    longest_seconds: wholeFrom(1, longest_seconds, `${at}: longest_seconds`),
  };
}

function wholeFrom(least: number, value: unknown, at: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`${at} has to be a whole number from ${least}`);
}
