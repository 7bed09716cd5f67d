import { inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { signedEvents } from './signed-events.ts';
import { overWasm, pure, verifierAlone, wholePath } from './verify-contestants.ts';

/** One contestant with events of one size. */
export interface VerifyFigure {
  /** Bytes of its content; the rest of an event is about 350 more. */
  readonly content: number;
  readonly name: string;
  /** Events of all rounds that were found good. */
  readonly counted: number;
  /** Microseconds for an event, of all threads. */
  readonly cpu_us: number | null;
  readonly cpu_us_least: number | null;
  readonly cpu_us_most: number | null;
  readonly wall_us: number | null;
  /** Events in a second of processor time. */
  readonly per_core: number | null;
  /** How many times as long nostr-tools takes: by processor time, and by the clock. */
  readonly nostr_tools_takes: number | null;
  readonly nostr_tools_takes_by_clock: number | null;
}

/** @param folder Files are made in it. */
export async function measureVerify(
  folder: string,
  { events, content, rounds }: { readonly events: number; readonly content: number; readonly rounds: number },
): Promise<VerifyFigure[]> {
  const from = Math.floor(Date.now() / 1_000) - 60;
  const texts = signedEvents(events, { content, from });
  const contestants = [pure(texts), overWasm(texts), verifierAlone(texts), wholePath(texts, folder, from)];
  const figures = await inTurns(contestants, { units: events, rounds });
  const [peer] = figures;
  if (peer === undefined) throw new Error('nothing was measured');
  return figures.map((own) => {
    const cpu = own.turns.map((turn) => turn.cpu);
    return {
      content,
      name: own.name,
      counted: own.counted,
      cpu_us: rounded(median(cpu)),
      cpu_us_least: rounded(Math.min(...cpu)),
      cpu_us_most: rounded(Math.max(...cpu)),
      wall_us: rounded(median(own.turns.map((turn) => turn.wall))),
      per_core: rounded(Math.round(1_000_000 / median(cpu))),
      nostr_tools_takes: rounded(timesAsMuch(peer, own, 'cpu')),
      nostr_tools_takes_by_clock: rounded(timesAsMuch(peer, own, 'wall')),
    };
  });
}
