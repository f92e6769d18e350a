/** `npm start`. */
import { runLocalServer } from './run.ts';

process.exit(await runLocalServer(process.env));
