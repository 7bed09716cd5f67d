import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { type Child, startChild } from './child.ts';
import type { ClientName, Reads } from './record.ts';
import type { SubscriberConfig } from './subscriber-config.ts';

const entry = join(import.meta.dirname, 'subscriber-main.ts');

/** One subscriber process and the proxy that it goes through. */
export class Subscriber {
  readonly number: number;
  readonly config: SubscriberConfig;
  readonly proxy: FaultProxy;
  #child: Child;
  #isKilled = false;
  #failure: string | undefined;

  private constructor(number: number, config: SubscriberConfig, proxy: FaultProxy) {
    this.number = number;
    this.config = config;
    this.proxy = proxy;
    this.#child = this.#start();
  }

  /** Starts it behind a proxy of its own. */
  static async start(number: number, config: Omit<SubscriberConfig, 'uri'>, serverUrl: string): Promise<Subscriber> {
    const { hostname, port, protocol } = new URL(serverUrl);
    const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
    const proxy = await startFaultProxy(target);
    const uri = `${protocol}//${proxy.host}:${proxy.port}`;
    return new Subscriber(number, { ...config, uri }, proxy);
  }

  get name(): string {
    return `${this.client} ${this.reads} #${this.number}`;
  }

  get client(): ClientName {
    return this.config.client;
  }

  get reads(): Reads {
    return this.config.reads;
  }

  /** Why it ended by itself. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The last transaction that it recorded; undefined before the first. */
  position(): number | undefined {
    const match = [...tailOf(this.config.record).matchAll(/"view":\{"n":(\d+)/g)].at(-1);
    return match === undefined ? undefined : Number(match[1]);
  }

  async kill(): Promise<void> {
    this.#isKilled = true;
    await this.#child.kill();
  }

  restart(): void {
    this.#isKilled = false;
    this.#child = this.#start();
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  resume(): void {
    this.#child.resume();
  }

  async end(): Promise<void> {
    await this.kill();
    await this.proxy.close();
  }

  #start(): Child {
    const child = startChild(this.name, entry, []);
    child.tell(JSON.stringify(this.config));
    void child.ended.then(({ code, signal }) => {
      if (!this.#isKilled) this.#failure ??= `ended by itself with ${signal ?? code}: ${child.tail()}`;
    });
    return child;
  }
}

/** The end of a file, long enough for its last lines of transactions. */
function tailOf(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const bytes = Buffer.alloc(Math.min(size, 16_384));
      readSync(file, bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString('utf8');
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
