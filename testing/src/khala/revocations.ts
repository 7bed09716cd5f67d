import type { Clock } from '@autopilot/sync-contract';

const recordTtlMs = 900_000;

/** Sessions and devices that were revoked within the last 15 minutes. */
export class Revocations {
  readonly #clock: Clock;
  readonly #records = new Map<string, { reason: string; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(sessionIds: readonly string[], deviceIds: readonly string[], reason: string): void {
    const at = this.#clock.now();
    for (const id of sessionIds) this.#records.set(`session ${id}`, { reason, at });
    for (const id of deviceIds) this.#records.set(`device ${id}`, { reason, at });
  }

  /** Why a holder is revoked; undefined when it is not. */
  reasonFor(holder: { readonly session_id: string; readonly device_id: string }): string | undefined {
    for (const key of [`session ${holder.session_id}`, `device ${holder.device_id}`]) {
      const record = this.#records.get(key);
      if (record !== undefined && this.#clock.now() - record.at < recordTtlMs) return record.reason;
    }
    return undefined;
  }
}
