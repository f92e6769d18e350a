/** What stored answers are sealed with on AWS: a secret that Secrets Manager made, and that only the proxy may read. */
import { AesSealer } from '../adapters/sealing/aes-sealer.ts';
import { CachedSecret } from './cached-secret.ts';
import { systemClock } from './clock.ts';
import { secretReader } from './secret-reader.ts';

export function answerSealer(secretArn: string): AesSealer {
  const secret = new CachedSecret({
    clock: systemClock,
    parse: (text) => text,
    read: secretReader(secretArn),
  });
  return new AesSealer({ secret: () => secret.current() });
}
