// One subscriber of the cache check: a process with one client, which appends to its record what the cache shows.
import { configOfParent } from './parent.ts';
import { RecordFile } from './record-file.ts';
import { startSdkSubscriber } from './sdk-subscriber.ts';
import { startSessionSubscriber } from './session-subscriber.ts';
import { positionsIn, startStreamSubscriber } from './stream-subscriber.ts';
import type { SubscriberConfig } from './subscriber-config.ts';

const config = await configOfParent<SubscriberConfig>(() => {});
const positions = positionsIn(config.record);
const record = new RecordFile(config.record, config.defect);
if (config.workload === 'streams') startStreamSubscriber(config, record, positions);
else (config.client === 'sdk' ? startSdkSubscriber : startSessionSubscriber)(config, record);
