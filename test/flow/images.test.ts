/** Images over the gateway: held at the dearest that they can become, charged by their usage block. */
import { describe, expect, it } from 'vitest';
import { openGateway, userCap } from '../support/gateways.ts';
import { plain, streamed } from '../support/scripted-upstream.ts';

const PATH = '/v1/images/generations';
const BODY = '{"model":"gpt-image-2","prompt":"A cat.","quality":"low","size":"1024x1024"}'; // 76 bytes
// 76 bytes at the dearer input rate of $8 and 196 tokens at $30, a million
const HOLD = '0.006488';
const USAGE =
  '{"input_tokens":9,"input_tokens_details":{"text_tokens":9,"image_tokens":0},"output_tokens":196}';
// 9 x $5 + 196 x $30
const COST = '0.005925';
const ANSWER = `{"created":1,"data":[{"b64_json":"aW1hZ2U="}],"usage":${USAGE}}`;

describe('a generated image', () => {
  it.each([PATH, '/images/generations'])('is charged what it cost, at %s', async (path) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(ANSWER));
    const response = await gateway.call(path, BODY);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(HOLD);
    expect(response.headers.get('x-spendcap-cost-usd')).toBe(COST);
    expect(response.headers.get('x-spendcap-max-output-tokens')).toBeNull();
    expect(await response.json()).toMatchObject({
      data: [{ b64_json: 'aW1hZ2U=' }],
      usage: { output_tokens: 196, cost: COST, cost_details: { input: '0.000045', output: '0.00588' } },
    });
    expect(gateway.upstream.sent[0]).toMatchObject({ path: PATH, body: BODY, provider: 'openai' });
    expect(await gateway.account()).toMatchObject({ settled: COST, held: '0.00' });
  });

  it('is held ten times where ten are asked for', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(ANSWER));
    const response = await gateway.call(PATH, BODY.replace('"quality"', '"n":10,"quality"'));
    // 83 bytes x $8 + 10 x 196 x $30
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe('0.059464');
  });

  it('is refused where it could cost more than is left, and never made smaller', async () => {
    const gateway = await openGateway({ caps: { 'alice-life': userCap('0.006') } });
    const response = await gateway.call(PATH, BODY);
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({
      error: { code: 'insufficient_quota', limit: { reason: 'too_large', requested: HOLD, fits: null } },
    });
    expect(gateway.upstream.sent).toEqual([]);
  });

  it('of a model without a price is refused', async () => {
    const gateway = await openGateway();
    const response = await gateway.call(PATH, BODY.replace('image-2', 'image-2.6-flare'));
    expect(await response.json()).toMatchObject({ error: { code: 'model_not_priced' } });
  });

  it.each([
    ['without usage', '{"created":1,"data":[]}'],
    [
      'whose text has no price',
      ANSWER.replace(
        '"output_tokens":196',
        '"output_tokens":196,"output_tokens_details":{"text_tokens":10,"image_tokens":186}',
      ),
    ],
    ['that another model wrote', ANSWER.replace('"created"', '"svg_usage":{"output_tokens":1},"created"')],
  ])('%s is charged at its hold', async (_, answer) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(answer));
    const response = await gateway.call(PATH, BODY);
    expect(await gateway.viewOf(response)).toMatchObject({
      charge: { outcome: 'presumed_spent', cost_usd: HOLD },
    });
  });
});

describe('a streamed image', () => {
  const body = BODY.replace('"quality"', '"stream":true,"partial_images":1,"quality"');
  const frame = (event: string, more: string) => `event: ${event}\ndata: {"type":"${event}"${more}}\n\n`;
  const partial = frame('image_generation.partial_image', ',"b64_json":"cA==","partial_image_index":0');
  const completed = frame('image_generation.completed', `,"b64_json":"aQ==","usage":${USAGE}`);

  it('passes its pieces on, and its cost inside the last', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed([partial, completed]));
    const response = await gateway.call(PATH, body);
    // 109 bytes x $8 + (196 + 100) x $30
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe('0.009752');
    const text = await response.text();
    expect(text.startsWith(partial)).toBe(true);
    expect(text).toContain(`"cost": "${COST}"`);
    expect(await gateway.viewOf(response)).toMatchObject({ charge: { outcome: 'settled', cost_usd: COST } });
  });

  it.each([
    ['ends early', [partial]],
    ['ends without usage', [frame('image_generation.completed', ',"b64_json":"aQ=="')]],
  ])('that %s is charged at its hold', async (_, frames) => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed(frames));
    const response = await gateway.call(PATH, body);
    await response.text();
    expect(await gateway.viewOf(response)).toMatchObject({ charge: { outcome: 'presumed_spent' } });
  });

  it('that breaks ends with an error that SDKs throw on', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed([partial]));
    const text = await (await gateway.call(PATH, body)).text();
    expect(text).toMatch(
      /data: \{"error":\{"message":"[^"]+","type":"api_error","param":null,"code":"stream_broken"\}\}\n\n$/,
    );
  });
});
