import { type ComparisonResult, comparisonResults } from './comparison.ts';
import { ParityError } from './errors.ts';

/** A known difference that is excused for a time. Every field of `match` that is given must hold. */
export interface IgnoreRule {
  readonly id: string;
  readonly match: {
    /** A stream id; `*` stands for any text. */
    readonly stream?: string;
    /** The kind on either side; `*` stands for any text. */
    readonly kind?: string;
    readonly result?: Exclude<ComparisonResult, 'match' | 'ignored'>;
  };
  readonly reason: string;
  readonly owner: string;
  /** Milliseconds since the Unix epoch. From then on the rule excuses nothing and is reported as overdue. */
  readonly expires_at: number;
}

/** A rule whose time is over, and how often it would have excused something. */
export interface OverdueRule {
  readonly id: string;
  readonly owner: string;
  readonly expired_at: number;
  readonly hits: number;
}

interface CompiledRule {
  readonly rule: IgnoreRule;
  readonly stream: RegExp | null;
  readonly kind: RegExp | null;
}

/** Rules ready to be asked. Only differences are asked about, so that matches cost nothing. */
export class IgnoreRules {
  readonly #rules: readonly CompiledRule[];

  /** @throws {ParityError} `invalid_rule`. */
  constructor(rules: readonly IgnoreRule[]) {
    rules.forEach(check);
    const ids = new Set(rules.map(({ id }) => id));
    if (ids.size !== rules.length) throw new ParityError('invalid_rule', 'Two ignore rules have the same id.');
    this.#rules = rules.map((rule) => ({
      rule,
      stream: rule.match.stream === undefined ? null : glob(rule.match.stream),
      kind: rule.match.kind === undefined ? null : glob(rule.match.kind),
    }));
  }

  /** The first rule in force that fits, and every rule that fits but is over. */
  find(
    difference: { readonly stream_id: string; readonly kinds: readonly string[]; readonly result: ComparisonResult },
    now: number,
  ): { readonly excused: IgnoreRule | null; readonly overdue: readonly IgnoreRule[] } {
    const fitting = this.#rules.filter(
      ({ rule, stream, kind }) =>
        (rule.match.result === undefined || rule.match.result === difference.result) &&
        (stream === null || stream.test(difference.stream_id)) &&
        (kind === null || difference.kinds.some((name) => kind.test(name))),
    );
    return {
      excused: fitting.find(({ rule }) => now < rule.expires_at)?.rule ?? null,
      overdue: fitting.filter(({ rule }) => now >= rule.expires_at).map(({ rule }) => rule),
    };
  }

  /** Every rule whose time is over. */
  overdue(now: number): readonly IgnoreRule[] {
    return this.#rules.filter(({ rule }) => now >= rule.expires_at).map(({ rule }) => rule);
  }
}

function check(rule: IgnoreRule): void {
  for (const field of ['id', 'reason', 'owner'] as const) {
    if (typeof rule[field] !== 'string' || rule[field].trim() === '') {
      throw new ParityError('invalid_rule', `Ignore rule "${rule.id}" has no ${field}.`, { details: { id: rule.id } });
    }
  }
  const fail = (what: string): never => {
    throw new ParityError('invalid_rule', `Ignore rule "${rule.id}" ${what}.`, { details: { id: rule.id } });
  };
  if (!Number.isFinite(rule.expires_at)) fail('has no time at which it expires');
  const { stream, kind, result } = rule.match;
  if (stream === undefined && kind === undefined && result === undefined) fail('would excuse everything');
  const results: readonly string[] = comparisonResults;
  if (result !== undefined && (!results.includes(result) || ['match', 'ignored'].includes(result))) {
    fail(`cannot excuse the result "${result}"`);
  }
}

function glob(pattern: string): RegExp {
  const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`, 's');
}
