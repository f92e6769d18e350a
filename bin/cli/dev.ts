/** `spendcap dev`: a local Spendcap, the same as `npm start`. */
import type { Command } from 'commander';

interface DevOptions {
  port?: string;
  host?: string;
  dataDir?: string;
  config?: string;
}

export function addDevCommand(program: Command): void {
  program
    .command('dev')
    .description('start a local Spendcap with a simulated provider; no account or key needed')
    .option('--port <port>', 'port to listen on (default: 8787, or PORT)')
    .option('--host <host>', 'address to listen on (default: 127.0.0.1, or HOST)')
    .option('--data-dir <folder>', 'keep the books in this folder (default: in memory, or SPENDCAP_DATA_DIR)')
    .option('--config <file>', 'policy file, .ts or .json (default: SPENDCAP_CONFIG)')
    .action(async (options: DevOptions) => {
      const { runLocalServer } = await import('../../local/run.ts');
      const exitCode = await runLocalServer({
        ...process.env,
        ...(options.port !== undefined && { PORT: options.port }),
        ...(options.host !== undefined && { HOST: options.host }),
        ...(options.dataDir !== undefined && { SPENDCAP_DATA_DIR: options.dataDir }),
        ...(options.config !== undefined && { SPENDCAP_CONFIG: options.config }),
      });
      process.exit(exitCode);
    });
}
