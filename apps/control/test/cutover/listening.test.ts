import { listenedSinceSuite, listeningSuite } from '../suites/listening-suite.ts';
import { sqlitePlace } from '../support/place.ts';

listenedSinceSuite();
listeningSuite(sqlitePlace);
