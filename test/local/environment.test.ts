import { describe, expect, it } from 'vitest';
import { InvalidEnvironment, readEnvironment } from '../../local/environment.ts';

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;

describe('the environment', () => {
  it('of a newcomer is empty', () => {
    expect(readEnvironment({ PATH: '/bin' })).toEqual({
      host: '127.0.0.1',
      port: 8787,
      dataDirectory: undefined,
      policyFile: undefined,
      adminKey: undefined,
      upstreams: {},
      webhookSecrets: new Map(),
      notes: [],
    });
  });

  it('may say everything', () => {
    expect(
      readEnvironment({
        PORT: '0',
        HOST: '::1',
        SPENDCAP_DATA_DIR: 'data',
        SPENDCAP_CONFIG: 'spendcap.config.json',
        SPENDCAP_ADMIN_KEY: 'admin-key',
        SPENDCAP_OPENAI_BASE_URL: 'https://api.openai.com/',
        SPENDCAP_OPENAI_API_KEY: 'sk-1',
        SPENDCAP_BEDROCK_BASE_URL: 'http://127.0.0.1:9999',
        SPENDCAP_PRICE_FEEDS: 'none',
        SPENDCAP_WEBHOOK_SECRETS: JSON.stringify({ chat: SECRET }),
      }),
    ).toEqual({
      host: '::1',
      port: 0,
      dataDirectory: 'data',
      policyFile: 'spendcap.config.json',
      adminKey: 'admin-key',
      upstreams: {
        openai: { origin: 'https://api.openai.com', apiKey: 'sk-1' },
        bedrock: { origin: 'http://127.0.0.1:9999', apiKey: undefined },
      },
      priceFeeds: [],
      webhookSecrets: new Map([['chat', [SECRET]]]),
      notes: [],
    });
  });

  it('counts an empty variable as none', () => {
    const settings = readEnvironment({ PORT: '', SPENDCAP_DATA_DIR: '', SPENDCAP_OPENAI_BASE_URL: '' });
    expect(settings.port).toBe(8787);
    expect(settings.dataDirectory).toBeUndefined();
    expect(settings.upstreams).toEqual({});
  });

  it.each([
    ['PORT', 'http', 'PORT is "http": it must be a port number.'],
    ['PORT', '65536', 'PORT is "65536": it must be a port number, 65535 at most.'],
    [
      'SPENDCAP_OPENAI_BASE_URL',
      'https://api.openai.com/v1',
      'SPENDCAP_OPENAI_BASE_URL is "https://api.openai.com/v1": it must be without path: https://api.openai.com.',
    ],
    [
      'SPENDCAP_GEMINI_BASE_URL',
      'api.example.com',
      'SPENDCAP_GEMINI_BASE_URL is "api.example.com": it must be an address such as https://api.openai.com.',
    ],
    ['SPENDCAP_ANTHROPIC_BASE_URL', 'ftp://x', 'it must be an address such as'],
    ['SPENDCAP_ANTHROPIC_BASE_URL', 'https://u:p@x', 'it must hold no credential'],
    ['SPENDCAP_ADMIN_KEY', 'short', 'SPENDCAP_ADMIN_KEY must have 8 characters at least.'],
    [
      'SPENDCAP_WEBHOOK_SECRETS',
      '{"chat": "sesame"}',
      'SPENDCAP_WEBHOOK_SECRETS must be as in {"chat": "whsec_…"}. The secrets of webhooks cannot be used: that of "chat" is not',
    ],
    ['SPENDCAP_OPENAI_API_KEY', 'sk 1', 'SPENDCAP_OPENAI_API_KEY must be printable ASCII without spaces.'],
  ])('explains %s=%s', (name, value, said) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(InvalidEnvironment);
    expect(() => readEnvironment({ [name]: value })).toThrow(said);
  });

  it('explains all mistakes at once', () => {
    expect(() => readEnvironment({ PORT: 'x', SPENDCAP_OPENAI_BASE_URL: 'y' })).toThrow(
      /^PORT is .*\nSPENDCAP_OPENAI_BASE_URL is /,
    );
  });

  it('says what has no effect', () => {
    expect(readEnvironment({ SPENDCAP_OPENAI_API_KEY: 'sk-1', SPENDCAP_DATADIR: 'data' }).notes).toEqual([
      'SPENDCAP_OPENAI_API_KEY is not used: without SPENDCAP_OPENAI_BASE_URL the provider is simulated.',
      'SPENDCAP_DATADIR is not known here, and has no effect.',
    ]);
  });
});
