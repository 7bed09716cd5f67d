import { sagaSuite } from '../suites/saga-suite.ts';
import { sqlitePlace } from '../support/place.ts';

sagaSuite(sqlitePlace);
