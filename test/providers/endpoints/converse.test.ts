/** What a Converse request asks for, what of it has no bound (prices.md 4.3, 5.4), and the entry that it is sent with. */
import { describe, expect, it } from 'vitest';
import { bedrockConverse } from '../../../lambdas/adapters/providers/bedrock/converse.ts';
import { HOLD, readBody, sentText, type Body } from './read-call.ts';

const MODEL = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const endpoint = bedrockConverse(MODEL, { streaming: false });
const BASE = { messages: [{ role: 'user', content: [{ text: 'hi' }] }] };
const read = (more: Body, model = MODEL) =>
  readBody(bedrockConverse(model, { streaming: true }), { ...BASE, ...more });
const block = (value: unknown) => ({ messages: [{ role: 'user', content: [value] }] });
const result = (value: unknown) => block({ toolResult: { toolUseId: 't', content: [value] } });
const image = { image: { format: 'png', source: { bytes: 'AAAAAAAA' } } };
const fields = (value: Body) => ({ additionalModelRequestFields: value });

describe('a Converse request', () => {
  it.each<[string, Body]>([
    ['a guardrail', { guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1' } }],
    ['variables of a stored prompt', { promptVariables: { a: { text: 'b' } } }],
    ['a document', block({ document: { format: 'pdf', name: 'd', source: { bytes: 'AAAA' } } })],
    ['a video', block({ video: { format: 'mp4', source: { s3Location: { uri: 's3://b/v' } } } })],
    ['a sound', block({ audio: { format: 'wav', source: { bytes: 'AAAA' } } })],
    ['a guarded text', block({ guardContent: { text: { text: 'hi' } } })],
    ['a document in a tool result', result({ document: { format: 'pdf', name: 'd', source: {} } })],
    ['a block of an unknown kind', block({ hologram: {} })],
    ['a guarded system text', { system: [{ guardContent: { text: { text: 'hi' } } }] }],
    ['what a tool at AWS was asked', block({ toolUse: { type: 'server_tool_use', name: 'n', input: {} } })],
    ['a tool at AWS', { toolConfig: { tools: [{ systemTool: { name: 'nova_grounding' } }] } }],
    ['an unknown field of the model', fields({ max_tokens: 9 })],
    ['an output limit of the model', fields({ inferenceConfig: { topK: 5, maxNewTokens: 9 } })],
    ['fields that are none', { additionalModelRequestFields: 'thinking' }],
  ])('with %s is not meterable', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'not_meterable' });
  });

  it.each([
    'arn:aws:bedrock:us-east-1:1:prompt/P:1',
    'arn:aws:bedrock:us-east-1:1:default-prompt-router/anthropic.claude:1',
    'arn:aws:bedrock:us-east-1:1:application-inference-profile/p',
  ])('to %s is not meterable', (model) => {
    expect(read({}, model)).toMatchObject({ code: 'not_meterable' });
  });

  it.each<[string, Body]>([
    ['no messages', { messages: undefined }],
    ['messages that are text', { messages: 'hi' }],
    ['half an output limit', { inferenceConfig: { maxTokens: 0.5 } }],
    ['an output limit as text', { inferenceConfig: { maxTokens: '100' } }],
    ['half a thinking budget', fields({ thinking: { type: 'enabled', budget_tokens: 10.5 } })],
    ['metadata that are a list', { requestMetadata: ['a'] }],
    ['our entry', { requestMetadata: { 'spendcap-hold': 'mine' } }],
    [
      'metadata without room for ours',
      { requestMetadata: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, 'v'])) },
    ],
  ])('with %s is invalid', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'invalid_request' });
  });

  it.each<[string, Body, Body]>([
    ['nothing else', {}, { outputTokensAsked: undefined, cacheWrites: 'none', hiddenInputTokens: 0n }],
    ['no limit', { inferenceConfig: null }, { outputTokensAsked: undefined, outputTokensFloor: 1n }],
    ['a limit', { inferenceConfig: { maxTokens: 9 } }, { outputTokensAsked: 9n, streaming: true }],
    ['a cache point', { system: [{ cachePoint: { type: 'default' } }] }, { cacheWrites: '5m' }],
    ['one of an hour', block({ cachePoint: { type: 'default', ttl: '1h' } }), { cacheWrites: '1h' }],
    ['a tool', { toolConfig: { tools: [{ toolSpec: { name: 'f' } }] } }, { hiddenInputTokens: 1024n }],
    [
      'thinking',
      fields({ thinking: { type: 'enabled', budget_tokens: 2000 } }),
      { outputTokensFloor: 2001n },
    ],
    [
      'thinking by its older name',
      fields({ reasoning_config: { type: 'enabled', budget_tokens: 1024 } }),
      { outputTokensFloor: 1025n },
    ],
    ['an image', block(image), { images: { count: 1n, inlineBytes: 8n }, media: ['image'] }],
    ['an image in a tool result', result(image), { images: { count: 1n, inlineBytes: 8n } }],
    [
      'an image at S3',
      block({ image: { format: 'png', source: { s3Location: { uri: 's3://b/i' } } } }),
      { images: { count: 1n, inlineBytes: 0n } },
    ],
    ['the default tier', { serviceTier: { type: 'default' } }, { conditionsAsked: [] }],
    ['a tier', { serviceTier: { type: 'flex' } }, { conditionsAsked: ['response.serviceTier.type=flex'] }],
    [
      'a latency',
      { performanceConfig: { latency: 'optimized' } },
      { conditionsAsked: ['response.performanceConfig.latency=optimized'] },
    ],
    ['the usual latency', { performanceConfig: { latency: 'standard' } }, { conditionsAsked: [] }],
    ['a top k of Nova', fields({ inferenceConfig: { topK: 5 } }), { needs: undefined }],
  ])('with %s', (_, more, shape) => {
    expect(read(more)).toMatchObject({ model: MODEL, ...shape });
  });
});

describe('what is sent', () => {
  const entry = `"spendcap-hold":"${HOLD}"`;

  it.each([
    [
      'a body without metadata',
      '{"messages":[], "n":1.0}',
      `{"messages":[], "n":1.0,"requestMetadata": {${entry}}}`,
    ],
    [
      'metadata of null',
      '{"messages":[],"requestMetadata":null}',
      `{"messages":[],"requestMetadata":{${entry}}}`,
    ],
    [
      'metadata of its own',
      '{"messages":[],"requestMetadata":{"a":"b"}}',
      `{"messages":[],"requestMetadata":{"a":"b","spendcap-hold": "${HOLD}"}}`,
    ],
  ])('is %s with the hold of the call', (_, text, sent) => {
    expect(sentText(endpoint, text)).toBe(sent);
  });

  it.each([
    ['{"messages":[]}', '"inferenceConfig": {"maxTokens":7}'],
    ['{"messages":[],"inferenceConfig":{"topP":1.0}}', '"inferenceConfig":{"topP":1.0,"maxTokens": 7}'],
    ['{"messages":[],"inferenceConfig":{"maxTokens":90}}', '"inferenceConfig":{"maxTokens":7}'],
    ['{"messages":[],"inferenceConfig":null}', '"inferenceConfig":{"maxTokens":7}'],
  ])('is %s with the limit that Spendcap sets', (text, limited) => {
    expect(sentText(endpoint, text, 7n)).toContain(limited);
  });

  it('names the model in the path, encoded', () => {
    expect(endpoint.upstreamPath).toBe('/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse');
  });
});
