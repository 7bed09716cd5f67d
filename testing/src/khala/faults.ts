import { type FaultName, type KhalaFault, parseFault } from './fault-spec.ts';

/** A fault that waits for its occasion. */
interface Armed {
  readonly fault: KhalaFault;
  left: number;
}

/** What a fault is asked about. */
interface Occasion {
  readonly worker?: string | undefined;
  readonly topic?: string | undefined;
  readonly route?: string | undefined;
}

/** The faults that are in force. Faults that act at once are handed to `now` and are not kept. */
export class KhalaFaults {
  #armed: Armed[] = [];
  readonly #now: (fault: KhalaFault) => void;
  #fired: Partial<Record<FaultName, number>> = {};

  constructor(now: (fault: KhalaFault) => void) {
    this.#now = now;
  }

  /**
   * Puts a fault in force. Returns what takes it back.
   *
   * @throws {KhalaError} `invalid_fault` for an unknown name or field.
   */
  inject(value: unknown): () => void {
    const fault = parseFault(value);
    if (fault.acts === 'at-once') {
      this.#count(fault.fault);
      this.#now(fault);
      return () => {};
    }
    const armed: Armed = { fault, left: fault.times === 'always' ? Number.POSITIVE_INFINITY : fault.times };
    this.#armed.push(armed);
    return () => {
      this.#armed = this.#armed.filter((each) => each !== armed);
    };
  }

  /** Takes all faults back, or those of one name. */
  clear(name?: FaultName): void {
    this.#armed = name === undefined ? [] : this.#armed.filter((each) => each.fault.fault !== name);
  }

  /** The faults that still wait, with how often they will act. */
  waiting(): { fault: FaultName; left: number | 'always' }[] {
    return this.#armed.map(({ fault, left }) => ({
      fault: fault.fault,
      left: Number.isFinite(left) ? left : 'always',
    }));
  }

  /** How often each fault has acted. */
  fired(): Readonly<Partial<Record<FaultName, number>>> {
    return { ...this.#fired };
  }

  /** Whether any fault waits: the fast path asks only this. */
  get any(): boolean {
    return this.#armed.length > 0;
  }

  /** Takes one use of a fault for this occasion, or undefined when none is in force. */
  take(
    name: FaultName,
    occasion: Occasion = {},
    also: (fault: KhalaFault) => boolean = () => true,
  ): KhalaFault | undefined {
    if (this.#armed.length === 0) return undefined;
    const found = this.#armed.find(({ fault }) => fault.fault === name && fits(fault, occasion) && also(fault));
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#armed = this.#armed.filter((each) => each !== found);
    this.#count(name);
    return found.fault;
  }

  #count(name: FaultName): void {
    this.#fired = { ...this.#fired, [name]: (this.#fired[name] ?? 0) + 1 };
  }
}

function fits(fault: KhalaFault, occasion: Occasion): boolean {
  return (['worker', 'topic', 'route'] as const).every((key) => {
    const wanted = fault[key];
    return wanted === undefined || wanted === occasion[key];
  });
}
