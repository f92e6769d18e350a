/**
 * A clock that runs ahead of the machine's by as many milliseconds as a file says. Loaded before the function by the test's own
 * NODE_OPTIONS; nothing that is deployed knows of it.
 */
import { readFileSync } from 'node:fs';

const { CLOCK_AHEAD_FILE } = process.env;
const now = Date.now;

Date.now = () => now() + Number(readFileSync(CLOCK_AHEAD_FILE, 'utf8'));
