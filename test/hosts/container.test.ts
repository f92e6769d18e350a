/** What a container keeps: its environment, its secrets, its providers. */
import { describe, expect, it } from 'vitest';
import { durationMs } from '../../lambdas/core/brands.ts';
import { CachedSecret } from '../../lambdas/runtime/cached-secret.ts';
import { InvalidEnvironment, origin, readEnvironment, text } from '../../lambdas/runtime/environment.ts';
import { parseProviderKeys } from '../../lambdas/runtime/provider-keys.ts';
import { ProviderUpstream, type ProviderKeys } from '../../lambdas/runtime/provider-upstream.ts';
import { startSimulatedProvider } from '../../local/simulated-provider/server.ts';
import { ManualClock, minutes } from '../support/worlds.ts';

describe('the environment', () => {
  const shape = { TABLE_NAME: text, BASE_URL: origin.default('https://api.openai.com') };

  it('is parsed, with defaults', () => {
    expect(readEnvironment(shape, { TABLE_NAME: 't' })).toEqual({
      TABLE_NAME: 't',
      BASE_URL: 'https://api.openai.com',
    });
    expect(readEnvironment(shape, { TABLE_NAME: 't', BASE_URL: 'http://127.0.0.1:8080/' }).BASE_URL).toBe(
      'http://127.0.0.1:8080',
    );
  });

  it.each([
    'https://api.openai.com/v1',
    'https://key@api.openai.com',
    'ftp://api.openai.com',
    'api.openai.com',
  ])('refuses %s, and shows it to nobody', (url) => {
    const read = () => readEnvironment(shape, { BASE_URL: url });
    expect(read).toThrow(InvalidEnvironment);
    expect(read).toThrow(/TABLE_NAME.*BASE_URL/);
    expect(read).not.toThrow(new RegExp(url));
  });
});

describe('a secret', () => {
  function cached() {
    const clock = new ManualClock();
    const secret = { text: 'one', isDown: false, reads: 0 };
    const read = async () => {
      secret.reads += 1;
      if (secret.isDown) throw new Error('down');
      return secret.text;
    };
    const kept = new CachedSecret({ read, parse: (value) => ({ value }), clock });
    return { clock, secret, kept };
  }

  it('is read once for calls that come together, and again after five minutes', async () => {
    const { clock, secret, kept } = cached();
    const [first, second] = await Promise.all([kept.current(), kept.current()]);
    expect(first).toBe(second);
    expect(secret.reads).toBe(1);
    clock.advance(minutes(5));
    expect(await kept.current()).toBe(first);
    expect(secret.reads).toBe(2);
    secret.text = 'two';
    clock.advance(minutes(5));
    expect((await kept.current()).value).toBe('two');
  });

  it('is used for an hour where it cannot be read again, and not longer', async () => {
    const { clock, secret, kept } = cached();
    await kept.current();
    secret.isDown = true;
    clock.advance(minutes(59));
    expect((await kept.current()).value).toBe('one');
    await kept.current();
    expect(secret.reads).toBe(2);
    clock.advance(durationMs(61_000));
    await expect(kept.current()).rejects.toThrow('down');
  });

  it('is read anew after it could not be read at all', async () => {
    const { secret, kept } = cached();
    secret.isDown = true;
    await expect(kept.current()).rejects.toThrow('down');
    secret.isDown = false;
    expect((await kept.current()).value).toBe('one');
  });
});

describe('provider keys', () => {
  it('are those that are there and not empty', () => {
    expect(parseProviderKeys('{"openai_api_key":"sk-1","anthropic_api_key":""}')).toEqual({ openai: 'sk-1' });
  });

  it('have one for Azure where it is used', () => {
    expect(parseProviderKeys('{"azure_api_key":"az-1"}')).toEqual({ azure: 'az-1' });
  });

  it.each(['sk-1', '{"openai_api_key":12345}', '[]'])('refuse %s without showing it', (secret) => {
    expect(() => parseProviderKeys(secret)).toThrow(/^the secret with the provider keys [a-z ]+$/i);
  });

  const request = {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: [['content-type', 'application/json']] as [string, string][],
    body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] }),
    signal: new AbortController().signal,
  };

  it('change while the container lives', async () => {
    const provider = await startSimulatedProvider({});
    let keys: ProviderKeys = { openai: 'old' };
    const origins = { openai: provider.url };
    const upstream = new ProviderUpstream({
      origins,
      currentKeys: async () => keys,
      report: () => undefined,
    });
    const send = async () => {
      const outcome = await upstream.send('openai', request);
      if (outcome.kind === 'answered') await outcome.response.text();
      return outcome.kind;
    };
    expect(await send()).toBe('answered');
    keys = { openai: 'new' };
    expect(await send()).toBe('answered');
    const sent = provider.requests().map(({ headers }) => headers['authorization']);
    expect(sent).toEqual(['Bearer old', 'Bearer new']);
    await provider.close();
  });

  it('that are missing or cannot be read send nothing', async () => {
    const reports: string[] = [];
    const report = (reason: string): void => void reports.push(reason);
    const without = new ProviderUpstream({ origins: {}, currentKeys: async () => ({}), report });
    expect(await without.send('openai', request)).toMatchObject({ kind: 'not_sent' });
    const broken = new ProviderUpstream({
      origins: {},
      currentKeys: () => Promise.reject(new Error('AccessDenied')),
      report,
    });
    expect(await broken.send('openai', request)).toMatchObject({ kind: 'not_sent' });
    expect(reports).toEqual(['the provider keys cannot be read: Error: AccessDenied']);
  });
});
