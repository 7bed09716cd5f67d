import { createInterface } from 'node:readline';

/**
 * What the parent writes to standard input: the first line says what to do, the rest goes on to `more`. When the parent
 * goes away, even by SIGKILL, the lines end and so does this process: nothing is left behind.
 */
export async function configOfParent<Config>(more: (line: string) => void): Promise<Config> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const first = await lines.next();
  const rest = async () => {
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) more(line.value);
    process.exit(0);
  };
  void rest();
  return JSON.parse(first.value ?? 'null') as Config;
}
