import { cutoverSuite } from '../suites/cutover-suite.ts';
import { sqlitePlace } from '../support/place.ts';

cutoverSuite(sqlitePlace);
