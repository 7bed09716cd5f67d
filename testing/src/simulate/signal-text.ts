import type { LaneSignal } from '@autopilot/sync-contract';

/** A signal as a line of a trace. */
export function signalText(signal: LaneSignal): string {
  switch (signal.type) {
    case 'state':
      return `${signal.from} -> ${signal.to}: ${signal.reason}${signal.message === undefined ? '' : ` (${signal.message})`}`;
    case 'batch': {
      const [first] = signal.events;
      const last = signal.events.at(-1);
      return `batch ${signal.stream_id} ${first?.epoch}:${first?.seq}-${last?.seq} of ${signal.head}, ${signal.source}`;
    }
    case 'head':
      return `head ${signal.stream_id} ${signal.epoch}:${signal.head}`;
    case 'stale':
      return `stale ${signal.stream_id}: ${signal.reason}, floor ${signal.floor.epoch}:${signal.floor.seq}`;
    case 'stream-closed':
      return `closed ${signal.stream_id}: ${signal.code}`;
    case 'transient':
      return `transient ${signal.stream_id}`;
  }
}
