import type { Cancel, Scheduler } from '@autopilot/sync-contract';
import { MalformedMessage } from '../wire/bsatn.ts';
import { type ClientMessage, clientMessages } from '../wire/client-message.ts';
import type { Protocol } from '../wire/protocol.ts';

/** Messages of one client that are handled before others get their turn. */
const messagesPerTurn = 64;

/** What an inbox does with what it takes in. */
export interface InboxHandlers {
  handle(message: ClientMessage): void;
  /** Bytes that are no message; what came before them has been handled. */
  malformed(reason: string): void;
  overflow(): void;
}

/** Messages of one client in the order of their arrival, handled so that a flood leaves turns for others. */
export class Inbox {
  private readonly scheduler: Scheduler;
  private readonly handlers: InboxHandlers;
  /** Messages that may wait. */
  private readonly longest: number;
  private waiting: (ClientMessage | MalformedMessage)[] = [];
  /** How many more may be handled before the event loop has gone round. */
  private budget = messagesPerTurn;
  private nextTurn: Cancel | undefined;
  private isStopped = false;

  constructor(scheduler: Scheduler, longest: number, handlers: InboxHandlers) {
    this.scheduler = scheduler;
    this.handlers = handlers;
    this.longest = longest;
  }

  receive(protocol: Protocol, payload: Uint8Array): void {
    try {
      for (const message of clientMessages(protocol, payload)) {
        this.waiting.push(message);
        if (this.waiting.length > this.longest) {
          this.stop();
          this.handlers.overflow();
          return;
        }
      }
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.waiting.push(error);
    }
    this.handleSome();
  }

  stop(): void {
    this.isStopped = true;
    this.nextTurn?.();
    this.waiting = [];
  }

  private handleSome(): void {
    const messages = this.waiting.splice(0, this.budget);
    this.budget -= messages.length;
    for (const message of messages) {
      if (this.isStopped) return;
      if (message instanceof MalformedMessage) this.handlers.malformed(message.message);
      else this.handlers.handle(message);
    }
    if (this.isStopped) return;
    this.nextTurn ??= this.scheduler.after(0, () => {
      this.nextTurn = undefined;
      this.budget = messagesPerTurn;
      if (this.waiting.length > 0) this.handleSome();
    });
  }
}
