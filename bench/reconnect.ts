// Connecting again after some events were missed, on the embedded host in a process of its own over the loopback: the
// session reads on from its position (open_stream and pages); the official client subscribes anew, to everything (as its
// cache begins empty) or to what comes after a position that its owner would have to know from elsewhere. Bytes are
// counted by a TCP proxy before the host, compression off. In turns.
// node --expose-gc --conditions=@autopilot/source bench/reconnect.ts [events] [missed] [rounds] [--json]
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';
import { measureReconnect } from './src/reconnect/measure-reconnect.ts';

const { positionals, json } = readArguments();
const events = wholeNumber(positionals[0], 1_000_000, 'events');
const missed = wholeNumber(positionals[1], 1_000, 'missed');
const rounds = wholeNumber(positionals[2], 3, 'rounds');

const machine = observeMachine();
const figures = await measureReconnect({ events, missed, rounds });
const needed = ['bytes', 'milliseconds', 'client_cpu_ms', 'times_the_bytes', 'times_the_time'] as const;
printReport({ bench: 'reconnect', settings: { events, missed, rounds }, machine: machine(), figures }, needed, {
  json,
  table: (measured) =>
    tableOf(
      ['', 'bytes', 'ms', 'CPU ms', 'host CPU ms', 'bytes / session', 'time / session'],
      measured.map((figure) => [
        figure.name,
        `${figure.bytes}`,
        short(figure.milliseconds),
        short(figure.client_cpu_ms),
        short(figure.host_cpu_ms),
        short(figure.times_the_bytes),
        short(figure.times_the_time),
      ]),
    ),
});
