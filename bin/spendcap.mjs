#!/usr/bin/env node
// The sources run as they are: tsx reads TypeScript for this process, whatever tsconfig lies around.
import { register } from 'tsx/esm/api';

register({ tsconfig: false });
const { main } = await import('./spendcap.ts');
process.exitCode = await main(process.argv.slice(2));
