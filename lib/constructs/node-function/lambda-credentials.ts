/**
 * Stands in the bundles for `@aws-sdk/credential-provider-node`: Lambda gives a function its credentials in the
 * environment, and there is nothing else to search.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
