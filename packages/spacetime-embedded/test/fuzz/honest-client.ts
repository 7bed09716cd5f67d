import { waitFor } from '@autopilot/testing';
import { clientMessage } from '../../src/conformance/client-message.ts';
import { type Seen, type SeenRows, type SeenUpdate, serverMessages } from '../../src/conformance/server-messages.ts';
import type { EmbeddedHost } from '../../src/start-embedded.ts';
import { args } from './hostile-frames.ts';
import { connectMember, type Member, within } from './member.ts';
import { clientFrame, type Ending, opcode, type RawSocket } from './raw-socket.ts';

const queries = ['SELECT * FROM note', 'SELECT * FROM my_purse', 'SELECT * FROM player', 'SELECT * FROM live_inbox'];

/** A client that minds its own business, and must not notice that others do not. */
export class HonestClient {
  rounds = 0;
  private readonly member: Member;
  private socket: RawSocket | undefined;
  private requests = 0;
  private readonly waiting = new Map<number, (message: Seen) => void>();
  /** Rows by table, each with how often it is there. */
  private readonly rows = new Map<string, Map<string, number>>();
  private events: string[] = [];
  private readonly notes = new Map<number, string>();
  private isDone = false;
  /** One round after the other. */
  private turn: Promise<void> = Promise.resolve();
  private failure: unknown;

  private constructor(member: Member) {
    this.member = member;
  }

  static async connect(member: Member): Promise<HonestClient> {
    const client = new HonestClient(member);
    client.socket = await connectMember(member, 'compression=None', 'v3.bsatn.spacetimedb', {
      body: (body) => client.guarded(() => client.received(body)),
      ended: (ending) => client.guarded(() => client.ended(ending)),
    });
    await client.ask((request) => clientMessage.subscribe(request, 1, ...queries));
    return client;
  }

  /** Writes something of its own, and sees that it is there and nothing else. */
  round(): Promise<void> {
    this.turn = this.turn.then(() => this.work());
    return this.turn;
  }

  private async work(): Promise<void> {
    const number = this.rounds;
    this.rounds += 1;
    const { own } = this.member;
    const slot = number % 8;
    const text = `${own} ${number}`;
    this.notes.set(slot, text);
    const note = args((writer) => {
      writer.writeU8(slot);
      writer.writeString(text);
    });
    const said = args((writer) => writer.writeString(text));
    const results = await Promise.all([
      this.ask((request) => clientMessage.reducer(request, 'write_note', note)),
      this.ask((request) => clientMessage.reducer(request, 'say', said)),
      this.ask((request) => clientMessage.reducer(request, 'fill', said)),
      this.ask((request) => clientMessage.procedure(request, 'my_notes', Uint8Array.of(slot))),
    ]);
    for (const result of results.slice(0, 3)) {
      if (result.type !== 'ReducerResult' || !('ok' in result.result)) throw this.wrong('a reducer', result);
    }
    const value = results[3]?.type === 'ProcedureResult' ? results[3].result : undefined;
    if (!(value instanceof Uint8Array) || !Buffer.from(value).includes(text)) throw this.wrong('my_notes', results[3]);
    const texts = this.textsOf('note');
    const wanted = [...this.notes.values()].sort();
    if (JSON.stringify(texts) !== JSON.stringify(wanted)) throw this.wrong('its notes', texts);
    if (JSON.stringify(this.textsOf('my_purse')) !== JSON.stringify([text])) throw this.wrong('its purse', text);
    if (JSON.stringify(this.events.splice(0).map(textOf)) !== JSON.stringify([text]))
      throw this.wrong('its events', text);
    if (this.failure !== undefined) throw this.failure;
  }

  /** What it has put together out of updates is what the host has. */
  async verify(): Promise<void> {
    for (const table of ['note', 'my_purse', 'player']) {
      const answer = await this.ask((request) => clientMessage.oneOff(request, `SELECT * FROM ${table}`));
      const result = answer.type === 'OneOffQueryResult' && typeof answer.result !== 'string' ? answer.result : [];
      const rows = result.flatMap(({ rows: found }) => found).toSorted();
      const kept = [...(this.rows.get(table) ?? [])].flatMap(([row, count]) =>
        Array.from({ length: count }, () => row),
      );
      if (JSON.stringify(rows) !== JSON.stringify(kept.toSorted())) throw this.wrong(table, { rows, kept });
    }
  }

  /** Waits until the host and the module know of so many connections. */
  async seesVisits({ url, ownerToken, database }: EmbeddedHost, count: number): Promise<void> {
    const authorization = `Bearer ${ownerToken}`;
    const look = async () => {
      const body = 'SELECT COUNT(*) AS n FROM visit';
      const response = await fetch(`${url}/v1/database/${database}/sql`, {
        method: 'POST',
        headers: { authorization },
        body,
      });
      // The request counts as a connection too.
      return JSON.stringify(((await response.json()) as { rows: unknown }[])[0]?.rows) === `[[${count + 1}]]`;
    };
    await waitFor(look, { describe: `${count} connections and one more`, timeoutMs: 20_000 });
  }

  leave(): void {
    this.isDone = true;
    this.socket?.destroy();
  }

  private async ask(message: (request: number) => Uint8Array): Promise<Seen> {
    this.requests += 1;
    const request = this.requests;
    const answer = new Promise<Seen>((resolve) => this.waiting.set(request, resolve));
    this.socket?.write(clientFrame(opcode.binary, message(request)));
    const seen = await within(`an answer to ${this.member.name}`, answer);
    if (this.failure !== undefined) throw this.failure;
    return seen;
  }

  private received(body: Buffer): void {
    this.member.canaries.check(this.member.name, body);
    for (const message of serverMessages(body)) {
      if (message.type === 'SubscribeApplied') for (const rows of message.rows) this.insert(rows);
      if (message.type === 'TransactionUpdate') this.apply(message.sets);
      if (message.type === 'ReducerResult' && 'ok' in message.result) this.apply(message.result.ok);
      if (!('request' in message) || message.request === undefined) continue;
      this.waiting.get(message.request)?.(message);
      this.waiting.delete(message.request);
    }
  }

  private insert({ table, rows }: SeenRows): void {
    for (const row of rows) this.count(table, row, 1);
  }

  private apply(sets: readonly SeenUpdate[]): void {
    for (const { table, parts } of sets.flatMap(({ tables }) => tables)) {
      for (const part of parts) {
        if ('events' in part) this.events.push(...part.events);
        else {
          for (const row of part.inserts) this.count(table, row, 1);
          for (const row of part.deletes) this.count(table, row, -1);
        }
      }
    }
  }

  private count(table: string, row: string, change: number): void {
    const rows = this.rows.get(table) ?? new Map<string, number>();
    this.rows.set(table, rows);
    const count = (rows.get(row) ?? 0) + change;
    if (count < 0) throw this.wrong(`a row of ${table}`, row);
    if (count === 0) rows.delete(row);
    else rows.set(row, count);
  }

  private textsOf(table: string): string[] {
    return [...(this.rows.get(table) ?? new Map<string, number>()).keys()].map(textOf).sort();
  }

  private ended({ code, reason }: Ending): void {
    if (!this.isDone) throw this.wrong('its connection', `${code} ${reason}`);
  }

  private wrong(what: string, seen: unknown): Error {
    return new Error(`${this.member.name}: ${what} is not right: ${JSON.stringify(seen)?.slice(0, 2000)}`);
  }

  private guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.failure ??= error;
      for (const settle of this.waiting.values()) settle({ type: 'TransactionUpdate', sets: [] });
    }
  }
}

/** The text at the end of a row of the fuzzed module. */
function textOf(row: string): string {
  const text = Buffer.from(row, 'hex').toString('latin1');
  return text.slice(text.indexOf('canary-'));
}
