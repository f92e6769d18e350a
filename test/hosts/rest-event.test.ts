/** Events of API Gateway's REST proxy integration as requests, and answers back. */
import { describe, expect, it } from 'vitest';
import { bufferedAnswer } from '../../lambdas/runtime/rest-answer.ts';
import { gatewayUrl, isProxyEvent, requestFrom } from '../../lambdas/runtime/rest-event.ts';
import { BODY_BYTES_MAX, intercept } from '../../lambdas/core/steps/intercept.ts';
import { restEvent } from './lambda-world.ts';

describe('an event as a request', () => {
  it.each([
    ['/v1beta/models/gemini-2.5-pro:generateContent', '/v1beta/models/gemini-2.5-pro:generateContent'],
    ['/model/us.amazon.nova-pro-v1%3A0/converse', '/model/us.amazon.nova-pro-v1%3A0/converse'],
    ['/v1/requests/a?b#c', '/v1/requests/a%3Fb%23c'],
    ['//elsewhere.example/v1/messages', '//elsewhere.example/v1/messages'],
    ['v1/messages', '/v1/messages'],
  ])('keeps the path %s', (path, seen) => {
    const url = new URL(requestFrom(restEvent({ path })).url);
    expect([url.host, url.pathname, url.search]).toEqual(['spendcap.invalid', seen, '']);
  });

  it('keeps every value of a repeated query parameter, encoded again', () => {
    const event = restEvent({ path: '/v1/models', query: { beta: ['a&b', 'c d'], x: [''] } });
    expect(new URL(requestFrom(event).url).searchParams.getAll('beta')).toEqual(['a&b', 'c d']);
    expect(new URL(requestFrom(event).url).search).toBe('?beta=a%26b&beta=c+d&x=');
  });

  it('keeps every value of a repeated header, also one beyond Latin-1', () => {
    const event = restEvent({ path: '/v1/messages' });
    event.multiValueHeaders = { 'X-Tag': ['one', 'two'], 'x-name': ['Zoë 表'] };
    const { headers } = requestFrom(event);
    expect(headers.get('x-tag')).toBe('one, two');
    expect(Buffer.from(headers.get('x-name')!, 'latin1').toString()).toBe('Zoë 表');
  });

  it.each([false, true])('keeps the bytes of the body; base64: %s', async (isBase64Encoded) => {
    const text = '{"text":"Zoë 表"}';
    const body = isBase64Encoded ? Buffer.from(text).toString('base64') : text;
    const request = requestFrom(restEvent({ path: '/v1/messages', body, isBase64Encoded }));
    expect(await request.text()).toBe(text);
  });

  it('has no body where a method takes none', async () => {
    expect(requestFrom(restEvent({ method: 'GET', path: '/v1/models', body: 'x' })).body).toBeNull();
  });

  it('is refused above 6 MB, as everywhere', async () => {
    const body = 'x'.repeat(BODY_BYTES_MAX + 1);
    const stepped = await intercept(requestFrom(restEvent({ path: '/v1/messages', body })));
    expect(stepped.ok ? 'passed' : stepped.refusal.code).toBe('request_too_large');
  });

  it.each([
    ['abc.execute-api.eu-central-1.amazonaws.com', '/prod/v1/budget', '/prod'],
    ['llm.example.com', '/v1/budget', ''],
  ])('says where people reach the gateway: %s%s', (domainName, path, stage) => {
    const event = restEvent({ path: '/v1/budget', at: { domainName, path } });
    expect(gatewayUrl(event)).toBe(`https://${domainName}${stage}`);
  });

  it('of a tool says nothing of that', () => {
    expect(gatewayUrl(restEvent({ path: '/v1/budget' }))).toBeUndefined();
    const at = { domainName: 'llm.example.com', path: '/v1/%62udget' };
    expect(gatewayUrl(restEvent({ path: '/v1/budget', at }))).toBeUndefined();
  });

  it.each([[undefined], [null], [{}], [{ Records: [] }], ['text']])('is none: %j', (event) => {
    expect(isProxyEvent(event)).toBe(false);
  });
});

describe('an answer', () => {
  it('has its cookies one by one, and other repeated headers joined', async () => {
    const headers = new Headers({ 'content-type': 'text/plain' });
    headers.append('set-cookie', 'a=1');
    headers.append('set-cookie', 'b=2, c');
    headers.append('vary', 'origin');
    headers.append('vary', 'accept');
    expect(await bufferedAnswer(new Response('Zoë', { status: 201, headers }))).toEqual({
      statusCode: 201,
      headers: { 'content-type': 'text/plain', vary: 'origin, accept' },
      multiValueHeaders: { 'set-cookie': ['a=1', 'b=2, c'] },
      body: 'Zoë',
    });
  });
});
