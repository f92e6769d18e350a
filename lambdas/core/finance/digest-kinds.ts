/** Apart from the digests themselves: the policy names them, and the proxy, which reads it, makes none. */
export const DIGESTS = ['daily', 'weekly'] as const;
export type DigestKind = (typeof DIGESTS)[number];

/** In the morning, by the organisation's clock. */
export const DIGEST_HOUR = 8;
