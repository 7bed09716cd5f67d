import { crashSuite } from './suites/crash-suite.ts';
import { sqlitePlace } from './support/place.ts';

crashSuite(sqlitePlace);
