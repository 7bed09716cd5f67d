import { projectionsSuite } from './suites/projections-suite.ts';
import { sqlitePlace } from './support/place.ts';

projectionsSuite(sqlitePlace);
