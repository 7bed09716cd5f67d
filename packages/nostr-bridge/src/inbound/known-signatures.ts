/**
 * The last signatures that were found good. The same signature over the same id is as good the second time, and need not
 * be checked again: relays have most events in common, and one that repeats itself would otherwise cost a processor.
 */
export class KnownSignatures {
  readonly #most: number;
  /** By id, which is the hash of everything but the signature, the author included. The oldest is first. */
  readonly #signatures = new Map<string, string>();

  constructor(most: number) {
    this.#most = most;
  }

  has(id: string, sig: string): boolean {
    return this.#signatures.get(id) === sig;
  }

  add(id: string, sig: string): void {
    // Again at the end, also where another good signature of the same event was.
    this.#signatures.delete(id);
    this.#signatures.set(id, sig);
    if (this.#signatures.size <= this.#most) return;
    for (const oldest of this.#signatures.keys()) {
      this.#signatures.delete(oldest);
      break;
    }
  }
}
