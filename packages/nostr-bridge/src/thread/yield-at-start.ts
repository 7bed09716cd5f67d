// Loaded by a thread before anything else: what it loads and compiles at its start is already at the lower priority.
import { yieldToOthers } from './yield-to-others.ts';

yieldToOthers();
