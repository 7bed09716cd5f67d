/** Texts that belong to one client each, and must be in nothing that another one gets. */
export class Canaries {
  private readonly owners = new Map<string, string>();

  /** A text for a client; `random` are 16 hex digits. */
  hatch(owner: string, random: string): string {
    const canary = `canary-${random}`;
    this.owners.set(canary, owner);
    return canary;
  }

  /** @throws {Error} when the bytes hold a text of somebody else, or of the private table. */
  check(reader: string, body: Buffer): void {
    for (let at = body.indexOf('canary-'); at !== -1; at = body.indexOf('canary-', at + 1)) {
      const found = body.subarray(at, at + 23).toString('latin1');
      const owner = this.owners.get(found) ?? (found.startsWith('canary-of-the-module') ? 'the module' : reader);
      if (owner !== reader) throw new Error(`${reader} got a text of ${owner}: ${found}`);
    }
  }
}
