import { clientMessage } from '../../src/conformance/client-message.ts';
import { type Seen, serverMessages } from '../../src/conformance/server-messages.ts';
import { type Request, readPayload } from './expected-answers.ts';
import { type Dice, hostileStep, type Step } from './hostile-frames.ts';
import { connectMember, type Member, within } from './member.ts';
import { clientFrame, type Ending, opcode, type RawSocket } from './raw-socket.ts';

/** What the host owes: an answer, or the end of the connection. */
type Due = Request | { readonly type: 'end'; readonly code: number; readonly reason: string };

/** The request of the message at the end of a burst: when it is answered, so is everything before it. */
const lastRequest = 0x5e5e5e5e;

const replies: Readonly<Record<Request['type'], readonly Seen['type'][]>> = {
  Subscribe: ['SubscribeApplied', 'SubscriptionError'],
  Unsubscribe: ['UnsubscribeApplied', 'SubscriptionError'],
  OneOffQuery: ['OneOffQueryResult'],
  CallReducer: ['ReducerResult'],
  CallProcedure: ['ProcedureResult'],
};

/** Sends hostile frames, and knows what the host must make of each of them. */
export class Attacker {
  frames = 0;
  connections = 0;
  replies = 0;
  readonly byKind = new Map<string, number>();
  readonly endings = new Map<string, number>();
  private readonly member: Member;
  private readonly next: Dice;
  private socket: RawSocket | undefined;
  private isV3 = true;
  /** In order; procedures may overtake and are apart. */
  private due: Due[] = [];
  private procedures: number[] = [];
  /** Query sets that stand. */
  private readonly live = new Set<number>();
  private steps: Step[] = [];
  private held: Step | undefined;
  private ending: Ending | undefined;
  private failure: unknown;
  private settled: () => void = () => undefined;

  constructor(member: Member, next: Dice) {
    this.member = member;
    this.next = next;
  }

  /**
   * Sends some frames, `most` at most, and waits until the host has answered them all or has ended the connection. What
   * must end it comes last. Gives the number of frames.
   */
  async burst(most: number): Promise<number> {
    const socket = this.socket ?? (await this.connect());
    this.steps = [];
    let isLast = false;
    while (!isLast && this.steps.length < most) {
      const step = this.held ?? hostileStep(this.next, this.member.own);
      this.held = undefined;
      isLast = step.does === 'leave' || this.debtsOf(step).some(({ type }) => type === 'end');
      // Half of the time the answers to what comes before are waited for: the end of a connection may swallow them.
      if (isLast && this.steps.length > 0 && this.next(2) === 0) {
        this.held = step;
        break;
      }
      this.steps.push(step);
      this.owe(step);
      this.byKind.set(step.kind, (this.byKind.get(step.kind) ?? 0) + 1);
    }
    this.frames += this.steps.length;
    const bytes = this.steps.map((step) => step.bytes);
    const isLeaving = this.steps.at(-1)?.does === 'leave';
    const done = new Promise<void>((resolve) => {
      this.settled = resolve;
    });
    if (!isLeaving) {
      const last = clientMessage.oneOff(lastRequest, 'SELECT * FROM visit');
      bytes.push(clientFrame(opcode.binary, last));
      this.due.push({ type: 'OneOffQuery', request: lastRequest, set: 0 });
    }
    socket.write(Buffer.concat(bytes));
    if (isLeaving) socket.destroy();
    this.settle();
    try {
      await within('the answers to a burst', done);
    } catch (error) {
      this.failure ??= error;
    }
    if (this.failure !== undefined) {
      const sent = this.steps.map(
        ({ kind, bytes: frame }) => `${kind}: ${Buffer.from(frame).toString('hex').slice(0, 4096)}`,
      );
      const state = JSON.stringify({ due: this.due, procedures: this.procedures, live: [...this.live] });
      const text = `${this.member.name}, v${this.isV3 ? 3 : 2}, owed ${state}, after\n${sent.join('\n')}`;
      throw new Error(text, { cause: this.failure });
    }
    if (this.ending !== undefined) this.socket = undefined;
    // Not for ever on one connection, and not always a new one.
    else if (this.next(64) === 0) this.leave();
    return this.steps.length;
  }

  leave(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private async connect(): Promise<RawSocket> {
    this.due = [];
    this.procedures = [];
    this.live.clear();
    this.ending = undefined;
    this.connections += 1;
    this.isV3 = this.next(3) > 0;
    const compression = ['None', 'None', 'Gzip', 'Brotli'][this.next(4)] ?? 'None';
    const query = `compression=${compression}&confirmed=${this.next(2) === 0}`;
    const protocol = this.isV3 ? 'v3.bsatn.spacetimedb' : 'v2.bsatn.spacetimedb';
    let current: RawSocket | undefined;
    const isCurrent = () => this.socket === current;
    current = await connectMember(this.member, query, protocol, {
      body: (body) => {
        if (current === undefined || isCurrent()) this.guarded(() => this.received(body));
      },
      ended: (ending) => {
        if (current === undefined || isCurrent()) this.guarded(() => this.ended(ending));
      },
    });
    this.socket = current;
    return current;
  }

  private owe(step: Step): void {
    for (const due of this.debtsOf(step)) {
      if (due.type === 'CallProcedure') this.procedures.push(due.request);
      else this.due.push(due);
    }
  }

  private debtsOf(step: Step): readonly Due[] {
    if (step.does === 'text') return [{ type: 'end', code: 1011, reason: 'text frames' }];
    if (step.does === 'violate') return [{ type: 'end', code: 1006, reason: '' }];
    if (step.does === 'leave') return [];
    const { requests, isMalformed } = readPayload(this.isV3, step.payload);
    return isMalformed ? [...requests, { type: 'end', code: 1011, reason: 'malformed message' }] : requests;
  }

  private received(body: Buffer): void {
    this.member.canaries.check(this.member.name, body);
    for (const message of serverMessages(body)) {
      this.replies += 1;
      if (message.type === 'InitialConnection') continue;
      if (message.type === 'TransactionUpdate') this.updated(message.sets.map(({ set }) => set));
      else if (message.type === 'ProcedureResult') {
        const index = this.procedures.indexOf(message.request);
        if (index === -1) throw new Error(`Nobody called procedure ${message.request}.`);
        this.procedures.splice(index, 1);
      } else this.answered(message);
    }
    this.settle();
  }

  private answered(
    message: Exclude<Seen, { type: 'InitialConnection' | 'TransactionUpdate' | 'ProcedureResult' }>,
  ): void {
    const request = this.due.shift();
    if (request === undefined || request.type === 'end')
      throw new Error(`${message.type} where ${request?.reason} is due`);
    if (!replies[request.type].includes(message.type) || message.request !== request.request) {
      throw new Error(`${JSON.stringify(message)} answers ${JSON.stringify(request)}`);
    }
    const isSubscribe = request.type === 'Subscribe';
    if (isSubscribe && this.live.has(request.set)) throw new Error(`The query set ${request.set} stands already.`);
    if (message.type === 'SubscribeApplied') this.live.add(message.set);
    if (message.type === 'UnsubscribeApplied' && !this.live.delete(message.set)) {
      throw new Error(`There was no query set ${message.set}.`);
    }
    if (message.type === 'ReducerResult' && 'ok' in message.result)
      this.updated(message.result.ok.map(({ set }) => set));
    if (message.type === 'SubscriptionError' && request.type === 'Unsubscribe' && this.live.has(request.set)) {
      throw new Error(`The query set ${request.set} stands.`);
    }
  }

  private updated(sets: readonly number[]): void {
    const unknown = sets.find((set) => !this.live.has(set));
    if (unknown !== undefined) throw new Error(`An update of query set ${unknown}, which does not stand.`);
  }

  private ended(ending: Ending): void {
    this.ending = ending;
    const isOwn = this.steps.at(-1)?.does === 'leave';
    const name = isOwn && ending.code === 1006 ? 'left' : String(ending.code);
    this.endings.set(name, (this.endings.get(name) ?? 0) + 1);
    if (!(isOwn && ending.code === 1006) && !this.isDue(ending)) {
      throw new Error(`The connection ended with ${ending.code} ${JSON.stringify(ending.reason)}.`);
    }
    this.settled();
  }

  /** Answers to what came before may be lost with the connection, but nothing ends it before its time. */
  private isDue({ code, reason }: Ending): boolean {
    const taken = new Set(this.live);
    for (const due of this.due) {
      if (due.type === 'end') return due.code === code && reason.startsWith(due.reason);
      if (due.type === 'Unsubscribe') taken.delete(due.set);
      if (due.type !== 'Subscribe') continue;
      if (code === 1011 && reason === `query set ${due.set} is in use` && taken.has(due.set)) return true;
      taken.add(due.set);
    }
    return false;
  }

  private settle(): void {
    if (this.due.length === 0 && this.procedures.length === 0 && this.steps.at(-1)?.does !== 'leave') this.settled();
  }

  private guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.failure ??= error;
      this.settled();
    }
  }
}
