import { nostrSuite } from './suites/nostr-suite.ts';
import { sqlitePlace } from './support/place.ts';

nostrSuite(sqlitePlace);
