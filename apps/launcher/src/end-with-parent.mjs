// Preloaded into every part: when the launcher goes away, even by SIGKILL, the pipe on standard input ends and the part
// shuts down by itself. No process is left behind.
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.on('error', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
process.stdin.unref?.();
