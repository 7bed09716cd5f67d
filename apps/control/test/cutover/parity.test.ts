import { paritySuite } from '../suites/parity-suite.ts';
import { sqlitePlace } from '../support/place.ts';

paritySuite(sqlitePlace);
