/**
 * Ends `child` when the parent of this process goes away. npm puts a shell between itself and a script, which hands no
 * signal on: when npm is ended, the shell goes, this process is adopted, and nobody would end what it has started.
 */
export function endWithParent(child) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill('SIGTERM');
  }, 250);
  watch.unref();
}
