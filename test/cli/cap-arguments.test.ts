import { describe, expect, it } from 'vitest';
import {
  defaultCapId,
  parseAmount,
  parseRolling,
  parseScope,
  parseThreshold,
  parseWarn,
} from '../../bin/cli/cap-arguments.ts';

describe('amounts', () => {
  it.each([
    ['20usd', 'usd', '20.00'],
    ['20USD', 'usd', '20.00'],
    ['$20', 'usd', '20.00'],
    ['0.0075usd', 'usd', '0.0075'],
    ['100000tokens', 'tokens', '100000'],
    ['1_000_000tokens', 'tokens', '1000000'],
    ['1token', 'tokens', '1'],
    ['60requests', 'requests', '60'],
    ['4concurrent', 'concurrent', '4'],
  ])('%s', (text, metric, limit) => {
    expect(parseAmount(text)).toEqual({ metric, limit });
  });

  it.each([
    '20',
    '',
    'usd',
    '-5usd',
    '1e3usd',
    '20eur',
    '$20usd',
    '1.5requests',
    '0.0000000000001usd',
    '007tokens',
  ])('%j is none', (text) => {
    expect(() => parseAmount(text)).toThrow();
  });
});

describe('scopes', () => {
  it.each([
    ['user:alice', { type: 'user', id: 'alice' }],
    ['user:*', { type: 'user', id: '*' }],
    ['user:a:b', { type: 'user', id: 'a:b' }],
    ['feature:web/summarise', { type: 'feature', id: 'web/summarise' }],
    ['org', { type: 'org', id: 'org' }],
    ['org:org', { type: 'org', id: 'org' }],
  ])('%s', (text, scope) => {
    expect(parseScope(text)).toEqual(scope);
  });

  it.each(['alice', 'user:', 'group:x', ''])('%j is none', (text) => {
    expect(() => parseScope(text)).toThrow('is no scope');
  });
});

describe('rolling windows', () => {
  it.each([[['24h=20usd']], [['24h', '20usd']]])('%j', (words) => {
    expect(parseRolling(words)).toEqual({ window: 'rolling_24h', amount: { metric: 'usd', limit: '20.00' } });
  });

  it.each([[['24h']], [['0h=1usd']], [['24m=1usd']], [['24h=1usd', 'x']]])('%j is none', (words) => {
    expect(() => parseRolling(words)).toThrow('is no rolling window');
  });
});

describe('warnings', () => {
  it('are fractions, or off', () => {
    expect(parseWarn('0.5, 0.8,1')).toEqual([0.5, 0.8, 1]);
    expect(parseWarn('off')).toBeNull();
    expect(() => parseWarn('80')).toThrow('is no list of thresholds');
  });

  it('and the other thresholds one fraction each', () => {
    expect(parseThreshold('--throttle', '0.95')).toBe(0.95);
    expect(parseThreshold('--block', 'off')).toBeNull();
    for (const text of ['0.5,0.8', '95', '-1', '']) {
      expect(() => parseThreshold('--block', text)).toThrow('is no threshold');
    }
  });
});

describe('derived ids', () => {
  it.each([
    [{ type: 'user', id: 'alice' }, 'usd', 'month', 'alice-month'],
    [{ type: 'user', id: 'alice@example.com' }, 'usd', 'day', 'alice@example.com-day'],
    [{ type: 'user', id: 'alice' }, 'requests', 'minute', 'alice-minute-requests'],
    [{ type: 'user', id: 'alice' }, 'concurrent', undefined, 'alice-concurrent'],
    [{ type: 'user', id: '*' }, 'usd', 'month', 'every-user-month'],
    [{ type: 'team', id: 'growth' }, 'usd', 'rolling_24h', 'team-growth-rolling_24h'],
    [{ type: 'feature', id: 'web/summarise' }, 'usd', 'day', 'feature-web-summarise-day'],
    [{ type: 'org', id: 'org' }, 'usd', 'lifetime', 'org-lifetime'],
  ] as const)('%j in %s per %s', (scope, metric, window, id) => {
    expect(defaultCapId(scope, metric, window)).toBe(id);
  });
});
