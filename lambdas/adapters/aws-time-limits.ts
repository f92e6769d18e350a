/**
 * Time limits of an AWS client that really cut. By itself the SDK waits for ever (@smithy/node-http-handler 4.14): it
 * merely logs that a `requestTimeout` has passed unless `throwOnRequestTimeout` is set, and no longer counts it once the
 * status came. What cuts a body that falls silent is `socketTimeout`.
 */
const CONNECTION_TIMEOUT_MS = 1000;

/** To be spread into the client's settings: a request that is silent for so long is over, whatever came of it. */
export const timeLimits = (silenceMsMax: number) => ({
  requestHandler: {
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: silenceMsMax,
    throwOnRequestTimeout: true,
    socketTimeout: silenceMsMax,
  },
});

/** For calls that nobody waits for. */
export const BACKGROUND_SILENCE_MS_MAX = 5000;
