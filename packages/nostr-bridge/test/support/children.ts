import { readdirSync, readFileSync } from 'node:fs';

/** What Linux tells of a process or thread in its stat: from the state on, as proc(5) counts them less three. */
function statOf(process: number | string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${process}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The processes that another one has started and that run. */
export function childrenOf(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((other) => statOf(other)?.[1] === `${pid}`);
}

/** The one process that another one has started and that runs. @throws where there is none, or more than one. */
export function childOf(pid: number): number {
  const [child, ...others] = childrenOf(pid);
  if (child === undefined || others.length > 0) throw new Error(`${others.length} children more than one of ${pid}.`);
  return child;
}

/** Whether a process is there and has not ended. */
export function isAlive(pid: number): boolean {
  const [state] = statOf(pid) ?? [];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** How nice every thread of a process is. */
export function nicenessOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((task) => Number(statOf(`${pid}/task/${task}`)?.[16]));
}
