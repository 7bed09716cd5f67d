import { issuerSuite } from './suites/issuer-suite.ts';
import { sqlitePlace } from './support/place.ts';

issuerSuite(sqlitePlace);
