/** Azure OpenAI's form of chat: the path names the deployment, and the policy tells of which model it is. */
import { describe, expect, it } from 'vitest';
import { openGateway } from '../support/gateways.ts';
import { plain, streamed } from '../support/scripted-upstream.ts';
import { chatCall, chatStream } from './dialects.ts';

const pathOf = (deployment: string): string =>
  `/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`;
const policy = { azureDeployments: { 'house-model': 'gpt-4.1', nowhere: 'gpt-99', 'gpt-4o': 'gpt-4.1' } };
/** The body's own model counts for nothing. */
const BODY = chatCall.body.replace('"gpt-4.1"', '"ignored"');

describe('a deployment', () => {
  it.each([
    ['of the same name as its model', 'gpt-4.1'],
    ['named in the policy', 'house-model'],
    ['named like another model, of which the policy knows better', 'gpt-4o'],
  ])('%s', async (_, deployment) => {
    const gateway = await openGateway({ policy });
    gateway.upstream.next(plain(chatCall.answer));
    const response = await gateway.request('POST', pathOf(deployment), BODY, {
      'api-key': gateway.key,
      authorization: '',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(chatCall.hold);
    expect(response.headers.get('x-spendcap-cost-usd')).toBe(chatCall.cost);
    expect(response.headers.get('x-spendcap-price-version')).toBe('openai/gpt-4.1@2025-04-14');
    const [sent] = gateway.upstream.sent;
    expect(sent).toMatchObject({ provider: 'azure', path: pathOf(deployment), body: BODY });
    expect(sent!.headers.map(([name]) => name)).not.toContain('api-key');
    expect(await gateway.viewOf(response)).toMatchObject({
      charge: { dialect: 'openai-chat', outcome: 'settled' },
    });
  });

  it('needs no model in the body', async () => {
    const gateway = await openGateway({ policy });
    gateway.upstream.next(plain(chatCall.answer));
    const body = chatCall.body.replace('"model":"gpt-4.1",', '');
    expect((await gateway.call(pathOf('house-model'), body)).status).toBe(200);
  });

  it('streams', async () => {
    const gateway = await openGateway({ policy });
    gateway.upstream.next(streamed(chatStream.frames));
    const response = await gateway.call(pathOf('house-model'), chatStream.body);
    await response.text();
    expect(await gateway.viewOf(response)).toMatchObject({
      charge: { outcome: 'settled', cost_usd: chatStream.cost },
    });
  });

  it('is charged by the model that the answer names', async () => {
    const gateway = await openGateway({ policy });
    gateway.upstream.next(plain(chatCall.answer.replace('"gpt-4.1"', '"gpt-4.1-nano-2025-04-14"')));
    const response = await gateway.call(pathOf('house-model'), BODY);
    // 10 x $0.1 + 5 x $0.4
    expect(response.headers.get('x-spendcap-cost-usd')).toBe('0.000003');
    expect(response.headers.get('x-spendcap-model')).toBe('gpt-4.1-nano-2025-04-14');
  });

  it.each(['unheard-of', 'nowhere', 'constructor', '..%2f..', '%2e%2e', 'gpt-4.1%00'])(
    'without a price is refused: %s',
    async (deployment) => {
      const gateway = await openGateway({ policy });
      const response = await gateway.call(pathOf(deployment), BODY);
      expect([400, 404]).toContain(response.status);
      expect(gateway.upstream.sent).toEqual([]);
    },
  );

  it.each(['embeddings', 'images/generations', 'completions', 'chat/completions/x'])(
    'offers nothing that is not metered: %s',
    async (route) => {
      const gateway = await openGateway({ policy });
      const response = await gateway.call(`/openai/deployments/gpt-4.1/${route}`, BODY);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: 'endpoint_not_metered' } });
    },
  );
});
