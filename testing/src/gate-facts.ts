import { appendFileSync } from 'node:fs';

/** What one case of a gate drove and met; the receipt of the gate carries the sum. */
export interface GateFacts {
  /** Events that went through what was looked at, counted by the case and not known beforehand. */
  readonly events: number;
  /** Digest of the module's schema, where the module took part. */
  readonly module_schema?: string;
  /** Websocket subprotocols that were agreed. */
  readonly protocols?: readonly string[];
  /** What was measured, by name; a name that another case of the gate uses too makes both unreadable. */
  readonly measures?: Readonly<Record<string, number>>;
}

/** Names the file, one JSON text per line, in which the runner of a gate collects the facts of its cases. */
export const gateFactsVariable = 'AUTOPILOT_GATE_FACTS';

/**
 * Tells the runner of a gate what a case drove. Without a runner (the case runs as an ordinary test) nothing happens.
 * Call it last: a case that fails before has driven nothing that counts.
 */
export function recordGateFacts(facts: GateFacts): void {
  const file = process.env[gateFactsVariable];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(facts)}\n`);
}
