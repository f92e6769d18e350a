/** The simulated provider as a process of its own: PORT, HOST, SIMULATED_PROVIDER_LOG. Prints where it listens. */
import { startSimulatedProvider } from './server.ts';

const { PORT, HOST, SIMULATED_PROVIDER_LOG: logFile } = process.env;
const provider = await startSimulatedProvider({
  port: Number(PORT ?? 0),
  ...(HOST !== undefined && { host: HOST }),
  ...(logFile !== undefined && { logFile }),
});
process.stdout.write(`${provider.url}\n`);
process.once('SIGTERM', () => void provider.close());
process.once('SIGINT', () => void provider.close());
