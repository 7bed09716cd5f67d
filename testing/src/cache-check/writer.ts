import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WriterRecord } from './check-server.ts';
import { type Child, startChild } from './child.ts';
import type { WriterConfig } from './subscriber-config.ts';

const entry = join(import.meta.dirname, 'writer-main.ts');

/** One writer process. It goes to the server directly, and is left in peace but for what happens to the server. */
export class Writer {
  readonly #config: WriterConfig;
  readonly #child: Child;

  constructor(config: WriterConfig) {
    this.#config = config;
    this.#child = startChild(`writer ${config.writer}`, entry, []);
    this.#child.tell(JSON.stringify(config));
  }

  get isOver(): boolean {
    return this.#child.isOver;
  }

  /** Lets it hear of the calls that are under way, and end. */
  finish(): void {
    this.#child.tell('stop');
  }

  async end(): Promise<void> {
    await this.#child.kill();
  }

  /** What became of its calls. */
  read(): WriterRecord {
    const { writer, record } = this.#config;
    const acknowledged: number[] = [];
    const failed: string[] = [];
    let isDone = false;
    for (const line of readFileSync(record, 'utf8').split('\n').filter(Boolean)) {
      const told = JSON.parse(line) as { acknowledged?: number; failed?: number; message?: string; done?: boolean };
      if (told.acknowledged !== undefined) acknowledged.push(told.acknowledged);
      if (told.failed !== undefined) failed.push(`call ${told.failed} failed: ${told.message}`);
      isDone ||= told.done === true;
    }
    if (!isDone) failed.push(`it ended before it had heard of every call: ${this.#child.tail()}`);
    return { writer, acknowledged, failed };
  }
}
