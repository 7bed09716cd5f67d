import type { Child, ChildHandlers, ChildRequest, SpawnChild } from '../../src/codex/process-port.ts';
import type { WireMessage } from '../../src/codex/wire-log.ts';

/** One started child, from the server's side. */
export interface ScriptedChild {
  readonly request: ChildRequest;
  readonly received: WireMessage[];
  readonly killed: boolean;
  send(message: WireMessage): void;
  sendText(text: string): void;
  /** The process goes away. */
  end(reason: string): void;
}

/** Answers requests by method; undefined leaves a request unanswered. */
export type Script = (message: WireMessage, child: ScriptedChild) => void;

/** A spawner of children that behave by a script. */
export function scriptedSpawn(script: Script): { readonly spawn: SpawnChild; readonly children: ScriptedChild[] } {
  const children: ScriptedChild[] = [];
  const spawn: SpawnChild = (request, handlers: ChildHandlers): Child => {
    let alive = true;
    let killed = false;
    const end = (reason: string): void => {
      if (!alive) return;
      alive = false;
      handlers.ended(reason);
    };
    const child: ScriptedChild = {
      request,
      received: [],
      get killed() {
        return killed;
      },
      send: (message) => child.sendText(JSON.stringify(message)),
      sendText: (text) => {
        if (alive) handlers.line(text);
      },
      end,
    };
    children.push(child);
    return {
      write(line) {
        const message = JSON.parse(line) as WireMessage;
        child.received.push(message);
        queueMicrotask(() => script(message, child));
      },
      closeInput: () => queueMicrotask(() => end('exit code 0')),
      kill: () => {
        killed = true;
        queueMicrotask(() => end('signal SIGKILL'));
      },
    };
  };
  return { spawn, children };
}
