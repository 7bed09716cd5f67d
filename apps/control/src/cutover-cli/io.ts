/** Where text goes. */
export interface Output {
  write(text: string): void;
  readonly terminal: boolean;
  /** Characters per line. */
  readonly columns: number;
}

/** All that a command touches of the world. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths are of this folder. */
  readonly cwd: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly fetch: typeof fetch;
  /** Milliseconds since the Unix epoch. */
  now(): number;
  wait(milliseconds: number): Promise<void>;
  uuid(): string;
}
