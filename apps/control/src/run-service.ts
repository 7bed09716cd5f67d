import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { pino } from 'pino';
import type { ControlOptions } from './options.ts';
import { type ControlHandle, startControl } from './start-control.ts';

/** Starts control with the real clock, timers and HTTP, and its log as JSON lines on stderr. */
export function runService(options: Omit<ControlOptions, 'ports' | 'http' | 'logger'>): Promise<ControlHandle> {
  const logger = pino({ name: 'control' }, pino.destination(2));
  return startControl({ ...options, ports: systemPorts, http: systemHttp, logger, processMetrics: true });
}
