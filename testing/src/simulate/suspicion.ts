import type { Step } from './plan.ts';
import type { Report } from './report.ts';

/** So many resets are allowed in one window; the engine's own default. */
const resetsAllowed = 3;

/** Judges what stands still by what the run has done so far: a stream or session must not stop without a reason. */
export class Suspicion {
  readonly #report: Report;
  #refusesClients = false;
  #changesPayloads = false;
  #movesFloors = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** A step is carried out. */
  step(step: Step): void {
    const { do: kind } = step;
    if (kind === 'refuse' || kind === 'rotate' || kind === 'reject' || kind === 'expire') this.#refusesClients = true;
    if (kind === 'token-fails' && step.how === 'refused') this.#refusesClients = true;
    if (kind === 'corrupt' && step.how === 'payload') this.#changesPayloads = true;
    if (kind === 'epoch' || kind === 'retention' || (kind === 'restart' && step.rebuilt)) this.#movesFloors += 1;
  }

  terminal(state: string, reason: string): void {
    if (!this.#refusesClients) this.#report.fail('terminal', `The session is ${state} (${reason}), refused by nobody.`);
  }

  blocked(id: string, why: string): void {
    const expected =
      (why === 'resets_exhausted' && this.#movesFloors >= resetsAllowed) ||
      (why.startsWith('read again') && this.#changesPayloads);
    if (!expected) this.#report.fail('blocked', `${id} is blocked: ${why}.`);
  }
}
