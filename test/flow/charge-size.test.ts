/**
 * A charge is written twice, since the index copies it: ordinary calls stay within one write unit, with all that
 * their receipts need, also where five caps hold them.
 */
import { expect, test } from 'vitest';
import { itemBytes } from '../../lambdas/adapters/table/local/attribute-values.ts';
import { toWire } from '../../lambdas/adapters/table/items.ts';
import { chargeFromItem, chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { holdOfRequest } from '../../lambdas/core/request-ids.ts';
import { openGateway, userCap } from '../support/gateways.ts';
import { plain } from '../support/scripted-upstream.ts';
import { chatCall, messagesCall, responsesCall, type DialectCall } from './dialects.ts';

const WRITE_UNIT_BYTES = 1024;

const scoped = (type: 'team' | 'app' | 'org' | 'feature' | 'user_feature', id: string) =>
  userCap('100.00', { scope: { type, id }, window: 'month' });
const FIVE_LEVELS = {
  'org-month': scoped('org', 'org'),
  'team-growth-month': scoped('team', 'growth'),
  'app-web-month': scoped('app', 'web'),
  'alice-month': userCap('20.00', { window: 'month' }),
  'alice-summarise-month': scoped('user_feature', 'alice/summarise'),
};

/** As the providers document them, with every member that they send today. */
const USAGE: [DialectCall, string][] = [
  [
    chatCall,
    '{"prompt_tokens":12006,"completion_tokens":1300,"total_tokens":13306,"prompt_tokens_details":{"cached_tokens":11920,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":640,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}',
  ],
  [
    responsesCall,
    '{"input_tokens":13280,"input_tokens_details":{"cached_tokens":11920},"output_tokens":1387,"output_tokens_details":{"reasoning_tokens":1024},"total_tokens":14667}',
  ],
  [
    messagesCall,
    '{"input_tokens":2095,"cache_creation_input_tokens":1048,"cache_read_input_tokens":10240,"cache_creation":{"ephemeral_5m_input_tokens":1048,"ephemeral_1h_input_tokens":0},"output_tokens":503,"service_tier":"standard","inference_geo":"not_available"}',
  ],
];

test.each(USAGE.map(([call, usage]) => ({ name: call.name, call, usage })))(
  '$name at five levels',
  async ({ call, usage }) => {
    const gateway = await openGateway({ caps: FIVE_LEVELS });
    const answer = JSON.parse(call.answer) as Record<string, unknown>;
    const tier = call === messagesCall ? {} : { service_tier: 'default' };
    gateway.upstream.next(plain(JSON.stringify({ ...answer, ...tier, usage: JSON.parse(usage) as unknown })));
    const response = await gateway.call(call.path, call.body, {
      ...call.headers,
      'x-spendcap-feature': 'summarise',
    });
    expect(response.status, await response.clone().text()).toBe(200);
    await gateway.settled();
    const charge = (await gateway.ledger.readCharge(
      holdOfRequest(response.headers.get('x-spendcap-request-id')!)!,
    ))!;
    expect(Object.keys(charge.accounts)).toHaveLength(5);
    expect(charge.reading?.reported).toEqual({ kind: 'kept', text: usage });
    const item = chargeToItem(charge);
    expect(chargeFromItem(item)).toEqual(charge);
    const bytes = itemBytes(toWire(item));
    expect(bytes).toBeLessThanOrEqual(WRITE_UNIT_BYTES);
  },
);
