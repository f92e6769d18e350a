/**
 * Both keep-alives after a tenth of a second, so that no test waits for a minute. Loaded before the function by the
 * test's own NODE_OPTIONS; the bundle stays as it is deployed.
 */
const KEEP_ALIVES_MS = [15_000, 60_000];
const SOON_MS = 100;

const { setTimeout } = globalThis;
globalThis.setTimeout = Object.assign(
  (act, ms, ...more) => setTimeout(act, KEEP_ALIVES_MS.includes(ms) ? SOON_MS : ms, ...more),
  setTimeout,
);
