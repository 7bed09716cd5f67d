// After all test files.
import { rmSync } from 'node:fs';
import path from 'node:path';

// biome-ignore lint/style/noDefaultExport: it is what jest calls
export default function removeModule() {
  const file = process.env.SESSION_TEST_MODULE;
  if (file !== undefined) rmSync(path.dirname(file), { recursive: true, force: true });
}
