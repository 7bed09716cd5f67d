import type { Log } from '../../src/log.ts';

/** A log that keeps its lines. */
export function memoryLog(): Log & { readonly lines: { readonly level: string; readonly message: string }[] } {
  const lines: { level: string; message: string }[] = [];
  const at = (level: string) => (_fields: Readonly<Record<string, unknown>>, message: string) =>
    void lines.push({ level, message });
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}
