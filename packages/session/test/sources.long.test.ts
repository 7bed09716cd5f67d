import { sourceConformance } from './support/source-conformance.ts';

sourceConformance('the inbox', { fanout: 'inbox', readMode: 'confirmed', queries: 0 });
sourceConformance('the inbox on a connection of its own', { fanout: 'inbox', readMode: 'unconfirmed', queries: 1 });
sourceConformance('a doorbell', { fanout: 'doorbell', readMode: 'confirmed', queries: 1 });
sourceConformance('a doorbell on the other connection', { fanout: 'doorbell', readMode: 'unconfirmed', queries: 1 });
sourceConformance('segments by SQL', { fanout: 'public', readMode: 'confirmed', queries: 2 });
sourceConformance('segments by SQL on the other connection', { fanout: 'public', readMode: 'unconfirmed', queries: 2 });
