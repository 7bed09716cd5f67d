import type { Socket } from 'node:net';

/** What the owner of the proxy has set; shared by every pipe and read when a chunk is due. */
export interface Weather {
  readonly paused: boolean;
  readonly delayMs: number;
  readonly bytesPerSecond: number | undefined;
}

/** Who is asked before bytes are handed on, and told after. */
export interface Toll {
  /** How many of these bytes may pass, at least 1; `last` when the connection is to be cut after them. */
  ask(bytes: number): { readonly bytes: number; readonly last: boolean };
  /** The bytes are with the kernel. */
  passed(bytes: number, last: boolean): void;
}

/** Bytes that wait in memory before the source is told to stop sending. */
const highWater = 256 * 1024;

/** One direction of a proxied connection: hands chunks on in order, as the weather allows. */
export class FaultPipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #weather: Weather;
  readonly #toll: Toll;
  #queue: { readonly chunk: Buffer; readonly dueAt: number }[] = [];
  #queued = 0;
  #ended = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the byte rate lets the next chunk go. */
  #freeAt = 0;

  constructor(source: Socket, sink: Socket, weather: Weather, toll: Toll) {
    this.#source = source;
    this.#sink = sink;
    this.#weather = weather;
    this.#toll = toll;
    source.on('data', (chunk: Buffer) => {
      this.#queue.push({ chunk, dueAt: performance.now() + weather.delayMs });
      this.#queued += chunk.length;
      if (this.#queued > highWater) source.pause();
      this.#drain();
    });
    source.on('end', () => {
      this.#ended = true;
      this.#drain();
    });
    sink.on('drain', () => this.#drain());
    if (weather.paused) source.pause();
    else source.resume();
  }

  weatherChanged(): void {
    if (this.#stopped) return;
    // While paused the source is not read at all, so that a peer sees a full window, as with a dead network.
    if (this.#weather.paused) this.#source.pause();
    else if (this.#queued <= highWater) this.#source.resume();
    this.#drain();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  /** Reads and hands on nothing any more, for good; both ends stay open. */
  strand(): void {
    this.stop();
    this.#source.pause();
  }

  #drain(): void {
    clearTimeout(this.#timer);
    while (!this.#stopped && !this.#weather.paused && !this.#sink.writableNeedDrain) {
      const next = this.#queue[0];
      if (next === undefined) {
        if (this.#ended) this.#sink.end();
        return;
      }
      const wait = Math.max(next.dueAt, this.#freeAt) - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#drain(), wait);
        return;
      }
      this.#handOn(next);
    }
  }

  #handOn({ chunk, dueAt }: { readonly chunk: Buffer; readonly dueAt: number }): void {
    const rate = this.#weather.bytesPerSecond;
    // With a rate, chunks go in tenths of a second, so that a slow line is slow and not only late.
    const wanted = rate === undefined ? chunk.length : Math.min(chunk.length, Math.max(1, Math.floor(rate / 10)));
    const granted = this.#toll.ask(wanted);
    const part = chunk.subarray(0, granted.bytes);
    if (part.length === chunk.length) this.#queue.shift();
    else this.#queue[0] = { chunk: chunk.subarray(part.length), dueAt };
    this.#queued -= part.length;
    if (rate !== undefined) this.#freeAt = performance.now() + (part.length / rate) * 1000;
    if (granted.last) this.stop();
    // Told when the kernel has them: a cut right after must not take back what was counted.
    this.#sink.write(part, (error) => {
      if (!error) this.#toll.passed(part.length, granted.last);
    });
    if (this.#queued <= highWater && !this.#weather.paused && !this.#stopped) this.#source.resume();
  }
}
