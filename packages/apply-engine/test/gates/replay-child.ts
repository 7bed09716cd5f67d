// Reads the log of the gates in a process of its own, and says where it came to.
import { Reader, theLog } from './support.ts';

const reader = new Reader();
for (let at = 0; at < theLog.length; at += 37) reader.take(theLog.slice(at, at + 37));
process.stdout.write(JSON.stringify({ applied: reader.applied.length, chain: reader.state.chain }));
