/** The simulated provider as a process of its own. Environment: PORT, HOST, SIMULATED_PROVIDER_LOG. */
import { startSimulatedProvider } from './server.ts';

const { PORT, HOST, SIMULATED_PROVIDER_LOG: logFile } = process.env;

const provider = await startSimulatedProvider({
  port: Number(PORT ?? 0),
  ...(HOST && { host: HOST }),
  ...(logFile && { logFile }),
});
process.stdout.write(`Simulated provider at ${provider.url}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void provider.close());
}
