/** Something that is to happen. */
export interface Task {
  readonly at: number;
  /** Tells tasks of one moment apart: what was planned first happens first. */
  readonly order: number;
  readonly run: () => void;
  /** Made by the client, in contrast to what the simulated network has under way. */
  readonly owned: boolean;
  /** It has run or was taken back. */
  done: boolean;
}

/** Tasks by time, as a binary heap: a long run plans and takes back far more tasks than it ever looks at. */
export class TaskHeap {
  readonly #tasks: Task[] = [];

  push(task: Task): void {
    const tasks = this.#tasks;
    let at = tasks.length;
    tasks.push(task);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = tasks[parent] as Task;
      if (!isBefore(task, above)) break;
      tasks[at] = above;
      at = parent;
    }
    tasks[at] = task;
  }

  /** The next task that was not taken back, left where it is. */
  peek(): Task | undefined {
    for (let first = this.#tasks[0]; first !== undefined; first = this.#tasks[0]) {
      if (!first.done) return first;
      this.#removeFirst();
    }
    return undefined;
  }

  pop(): Task | undefined {
    const first = this.peek();
    if (first !== undefined) this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const tasks = this.#tasks;
    const last = tasks.pop() as Task;
    if (tasks.length === 0) return;
    let at = 0;
    for (let child = 1; child < tasks.length; child = 2 * at + 1) {
      const right = tasks[child + 1];
      if (right !== undefined && isBefore(right, tasks[child] as Task)) child += 1;
      const smaller = tasks[child] as Task;
      if (!isBefore(smaller, last)) break;
      tasks[at] = smaller;
      at = child;
    }
    tasks[at] = last;
  }
}

function isBefore(one: Task, other: Task): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
