import { mirrorSuite } from '../suites/mirror-suite.ts';
import { sqlitePlace } from '../support/place.ts';

mirrorSuite(sqlitePlace);
