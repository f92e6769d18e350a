import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readPolicyFile } from '../../lambdas/adapters/policy/policy-file.ts';
import { PolicyInvalid } from '../../lambdas/core/policy/policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'policy-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a policy file', () => {
  it('of this repository is valid', async () => {
    const file = new URL('../../spendcap.config.ts', import.meta.url).pathname;
    const { org, plans } = await readPolicyFile(file);
    expect(org.name).toBe('Example');
    expect(plans['default']?.caps).toMatchObject([{ id: 'default-user', limit: '5.00' }]);
  });

  it.each<[string, string, string | undefined, RegExp]>([
    ['that is missing', 'none.json', undefined, /none\.json: .*ENOENT/],
    ['of another kind', 'policy.yaml', 'org: x', /ends in \.ts or \.json/],
    ['that is no JSON', 'a.json', '{"org":', /is no JSON/],
    ['with a member that is not known', 'b.json', '{"orgs": {}}', /orgs/],
    ['with a value that is wrong', 'c.json', '{"drainSeconds": -1}', /drainSeconds/],
    [
      'with a cap that no ledger could hold',
      'e.json',
      '{"plans": {"default": {"caps": [{"id": "x", "metric": "usd", "window": "year", "limit": "1"}]}}}',
      /e\.json: .*cap "x" of plan "default": "year" is no window/,
    ],
    ['without default export', 'd.ts', 'export const policy = {};', /no default export/],
  ])('%s is explained', async (_what, name, text, message) => {
    if (text !== undefined) writeFileSync(join(folder, name), text);
    const reading = readPolicyFile(join(folder, name));
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(PolicyInvalid);
  });
});
