// Preloaded into the server, which reads no standard input: when the check goes away, even by SIGKILL, the pipe ends and
// the server shuts down by itself.
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.on('error', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
process.stdin.unref?.();
