import { writerSuite } from './suites/writer-suite.ts';
import { sqlitePlace } from './support/place.ts';

writerSuite(sqlitePlace);
