// better-sqlite3's addon keeps the error class of the first realm that loads it, and jest makes a realm for each test
// file: without this reset `error instanceof Error` is false in every file but the first of a worker.
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
try {
  const library = path.dirname(require.resolve('better-sqlite3', { paths: [process.cwd()] }));
  const addon = require(path.join(library, '..', 'prebuilds', `${process.platform}-${process.arch}.node`));
  addon.isInitialized = false;
} catch (error) {
  // A package that does not use SQLite has nothing to reset.
  if (error.code !== 'MODULE_NOT_FOUND') throw error;
}
