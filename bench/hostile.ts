/**
 * What a request costs that is made to keep the gateway busy: a megabyte of it, read, priced, bounded and refused for
 * want of money, in processor time. It grows with the length alone (test/providers/endpoints/linear-work.test.ts).
 */
import { openGateway, userCap } from '../test/support/gateways.ts';
import { plain, rounded, type Result } from './results.ts';

const MEGABYTE = 1 << 20;
const MS_PER_MEGABYTE_TARGET = 50;
const RUNS = 9;

export async function measureHostile(): Promise<Result[]> {
  const gateway = await openGateway({ caps: { 'alice-life': userCap('0.00000001') } });
  const results: Result[] = [];
  for (const [what, { path, body, contentType = 'application/json' }] of Object.entries(BODIES)) {
    const bytes = new TextEncoder().encode(body);
    const millisecondsAMegabyte = (of: () => Promise<void>) => medianCpuMs(of, MEGABYTE / bytes.length);
    const whole = await millisecondsAMegabyte(async () => {
      const response = await gateway.request('POST', path, bytes, { 'content-type': contentType });
      if (response.ok) throw new Error(`${what}: not refused`);
      await response.body?.cancel();
    });
    // What nobody who reads JSON can do without.
    const isJson = contentType === 'application/json';
    const parsing = isJson ? await millisecondsAMegabyte(async () => void JSON.parse(body)) : undefined;
    results.push({
      ...plain(`hostile, ${what}`, whole, 'ms/MB'),
      ...{ target: MS_PER_MEGABYTE_TARGET, ...(parsing !== undefined && { baseline: rounded(parsing) }) },
    });
  }
  if (gateway.upstream.sent.length > 0) throw new Error('a request was sent');
  return results;
}

async function medianCpuMs(work: () => Promise<void>, factor: number): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    times.push(((user + system) / 1000) * factor);
  }
  return times.sort((a, b) => a - b)[Math.floor(RUNS / 2)]!;
}

interface Body {
  path: string;
  body: string;
  contentType?: string;
}

/** So many of them are a megabyte. */
const times = (text: string): string => text.repeat(MEGABYTE / new TextEncoder().encode(text).length);
const listOf = (element: string): string => `[${times(`${element},`)}${element}]`;
const chat = (members: string): Body => ({
  path: '/v1/chat/completions',
  body: `{"model":"gpt-4.1",${members}}`,
});
const said = (text: string): Body => chat(`"messages":[{"role":"user","content":"${text}"}]`);
const beside = (member: string): Body => chat(`"messages":[],"odd":${member}`);
const messages = (members: string): Body => ({
  path: '/v1/messages',
  body: `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],${members}}`,
});
const PART = '--b\r\nContent-Disposition: form-data; name="';

const BODIES: Record<string, Body> = {
  'one letter': said(times('a')),
  'combining marks': said(times('\u0300\u0316')),
  'what normalises to eleven times its length': said(times('\ufdfa')),
  'special tokens': said(times('<|endoftext|>')),
  escapes: said(times('\\"')),
  'short messages': chat(`"messages":${listOf('{"role":"user","content":"a"}')}`),
  'empty parts': chat(`"messages":[{"role":"user","content":${listOf('{"type":"text","text":""}')}}]`),
  tools: chat(`"messages":[],"tools":${listOf('{"type":"function","function":{"name":"f"}}')}`),
  'an image': messages(`"system":[{"type":"image","source":{"type":"base64","data":"${times('A')}"}}]`),
  fallbacks: messages(`"fallbacks":${listOf('{"model":"claude-haiku-4-5"}')}`),
  searches: messages(`"tools":${listOf('{"type":"web_search_20250305","max_uses":9007199254740991}')}`),
  'members of a form': {
    path: '/v1/audio/transcriptions',
    contentType: 'multipart/form-data; boundary=b',
    body: `${Array.from({ length: 18_000 }, (_, i) => `${PART}${i}"\r\n\r\n\r\n`).join('')}--b--\r\n`,
  },
  numbers: beside(listOf('1')),
  'as many different names as are read': beside(
    `{${Array.from({ length: 19_990 }, (_, i) => `"m${i}":1`).join()},"more":"${times('a').slice(300_000)}"}`,
  ),
  'more different names': beside(`{${Array.from({ length: 90_000 }, (_, i) => `"m${i}":1`).join()}}`),
  'members that stand twice': beside(listOf('{"a":1,"a":1}')),
  'as many arrays as are read, 190 deep': beside(
    `[${`${'['.repeat(190)}${']'.repeat(190)},`.repeat(526)}"${times('a').slice(200_000)}"]`,
  ),
  'more arrays, 190 deep': beside(listOf(`${'['.repeat(190)}${']'.repeat(190)}`)),
  'nesting 100,000 deep': beside(`${'['.repeat(100_000)}${']'.repeat(100_000)},"more":"${times('a')}"`),
  'empty objects': beside(listOf('{}')),
};
