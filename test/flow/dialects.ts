/**
 * One call in each dialect, as clients send it and providers answer it, with what it costs worked out by hand
 * from the reviewed cards: gpt-4.1 $2 in and $8 out, claude-haiku-4-5 $1 and $5 (and 1,024 hidden tokens),
 * text-embedding-3-small $0.02, each a million tokens; input is held at a token a byte.
 */
export interface DialectCall {
  name: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  /** (body bytes + hidden tokens) x input + 1,000 x output. */
  hold: string;
  /** 10 tokens in, 5 out. */
  answer: string;
  cost: string;
  /** Ten times the output that the request allows. */
  overrunAnswer: string;
  overrunCost: string;
  /** A success without a usage block. */
  answerWithoutUsage: string;
  /** What the provider says when it refuses; passed on unmodified. */
  errorAnswer: string;
}

export interface DialectStream {
  name: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  hold: string;
  frames: string[];
  cost: string;
  framesWithoutUsage: string[];
  overrunFrames: string[];
  overrunCost: string;
  /** Last frames of a stream that broke. */
  brokenEnd: RegExp;
  /** A frame by which the provider itself says that it failed. */
  providerError: string;
}

const ANTHROPIC = { 'anthropic-version': '2023-06-01' };
const openAiError = '{"error":{"message":"No.","type":"server_error","param":null,"code":null},  "odd":1.0}';
const anthropicError = '{"type":"error","error":{"type":"overloaded_error","message":"No."},  "odd":1.0}';

export const chatCall: DialectCall = {
  name: 'chat',
  path: '/v1/chat/completions',
  headers: {},
  body: '{"model":"gpt-4.1","messages":[{"role":"user","content":"Say hi."}],"max_tokens":1000}', // 86 bytes
  hold: '0.008172',
  answer:
    '{"id":"c1","model":"gpt-4.1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5},"n":1e3}',
  cost: '0.00006',
  overrunAnswer:
    '{"id":"c1","model":"gpt-4.1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":10000}}',
  overrunCost: '0.08002',
  answerWithoutUsage: '{"id":"c1","model":"gpt-4.1","choices":[]}',
  errorAnswer: openAiError,
};

export const responsesCall: DialectCall = {
  name: 'responses',
  path: '/v1/responses',
  headers: {},
  body: '{"model":"gpt-4.1","input":"Say hi.","max_output_tokens":1000}', // 62 bytes
  hold: '0.008124',
  answer: '{"id":"r1","model":"gpt-4.1","output":[],"usage":{"input_tokens":10,"output_tokens":5}}',
  cost: '0.00006',
  overrunAnswer:
    '{"id":"r1","model":"gpt-4.1","output":[],"usage":{"input_tokens":10,"output_tokens":10000}}',
  overrunCost: '0.08002',
  answerWithoutUsage: '{"id":"r1","model":"gpt-4.1","output":[],"usage":null}',
  errorAnswer: openAiError,
};

export const messagesCall: DialectCall = {
  name: 'messages',
  path: '/v1/messages',
  headers: ANTHROPIC,
  body: '{"model":"claude-haiku-4-5","max_tokens":1000,"messages":[{"role":"user","content":"Say hi."}]}', // 95
  hold: '0.006119',
  answer: '{"id":"m1","model":"claude-haiku-4-5","content":[],"usage":{"input_tokens":10,"output_tokens":5}}',
  cost: '0.000035',
  overrunAnswer:
    '{"id":"m1","model":"claude-haiku-4-5","content":[],"usage":{"input_tokens":10,"output_tokens":10000}}',
  overrunCost: '0.05001',
  answerWithoutUsage: '{"id":"m1","model":"claude-haiku-4-5","content":[]}',
  errorAnswer: anthropicError,
};

export const embeddingsCall: DialectCall = {
  name: 'embeddings',
  path: '/v1/embeddings',
  headers: {},
  body: '{"model":"text-embedding-3-small","input":"Say hi."}', // 52 bytes, no output
  hold: '0.00000104',
  answer:
    '{"object":"list","data":[],"model":"text-embedding-3-small","usage":{"prompt_tokens":10,"total_tokens":10}}',
  cost: '0.0000002',
  overrunAnswer:
    '{"object":"list","data":[],"model":"text-embedding-3-small","usage":{"prompt_tokens":100,"total_tokens":100}}',
  overrunCost: '0.000002',
  answerWithoutUsage: '{"object":"list","data":[],"model":"text-embedding-3-small"}',
  errorAnswer: openAiError,
};

export const CALLS: DialectCall[] = [chatCall, responsesCall, messagesCall, embeddingsCall];

const data = (text: string): string => `data: ${text}\n\n`;
const event = (name: string, text: string): string => `event: ${name}\ndata: ${text}\n\n`;

const chatChunk = (delta: string, finish: string): string =>
  data(
    `{"id":"c1","model":"gpt-4.1","choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}],"usage":null}`,
  );
const chatFrames = (usage: string | undefined): string[] => [
  chatChunk('{"role":"assistant","content":"Hi"}', 'null'),
  chatChunk('{}', '"stop"'),
  ...(usage === undefined
    ? []
    : [data(`{"id":"c1","model":"gpt-4.1","choices":[],"odd":1.0,"usage":${usage}}`)]),
  data('[DONE]'),
];

export const chatStream: DialectStream = {
  name: 'chat',
  path: '/v1/chat/completions',
  headers: {},
  body: '{"model":"gpt-4.1","messages":[{"role":"user","content":"Say hi."}],"max_tokens":1000,"stream":true}', // 100
  hold: '0.0082',
  frames: chatFrames('{"prompt_tokens":10,"completion_tokens":5}'),
  cost: '0.00006',
  framesWithoutUsage: chatFrames(undefined),
  overrunFrames: chatFrames('{"prompt_tokens":10,"completion_tokens":10000}'),
  overrunCost: '0.08002',
  brokenEnd: /data: \{"error":\{"message":"[^"]+","type":"api_error","param":null,"code":"[a-z_]+"\}\}\n\n$/,
  providerError: data('{"error":{"message":"Overloaded.","type":"server_error","code":null}}'),
};

const responsesFrames = (ending: string, usage: string): string[] => [
  event(
    'response.created',
    '{"type":"response.created","sequence_number":0,"response":{"id":"r1","model":"gpt-4.1"}}',
  ),
  event(
    'response.output_text.delta',
    '{"type":"response.output_text.delta","sequence_number":1,"delta":"Hi"}',
  ),
  event(
    `response.${ending}`,
    `{"type":"response.${ending}","sequence_number":2,"response":{"id":"r1","model":"gpt-4.1","odd":1.0,"usage":${usage}}}`,
  ),
];

export const responsesStream: DialectStream = {
  name: 'responses',
  path: '/v1/responses',
  headers: {},
  body: '{"model":"gpt-4.1","input":"Say hi.","max_output_tokens":1000,"stream":true}', // 76 bytes
  hold: '0.008152',
  frames: responsesFrames('completed', '{"input_tokens":10,"output_tokens":5}'),
  cost: '0.00006',
  framesWithoutUsage: responsesFrames('completed', 'null'),
  overrunFrames: responsesFrames('incomplete', '{"input_tokens":10,"output_tokens":10000}'),
  overrunCost: '0.08002',
  brokenEnd: /event: response\.failed\ndata: \{"type":"response\.failed",.*"status":"failed".*\}\n\n$/,
  providerError: event('error', '{"type":"error","code":"server_error","message":"Overloaded."}'),
};

const messagesFrames = (delta: string): string[] => [
  event(
    'message_start',
    '{"type":"message_start","message":{"id":"m1","model":"claude-haiku-4-5","usage":{"input_tokens":10,"output_tokens":1}}}',
  ),
  event('ping', '{"type":"ping"}'),
  event(
    'content_block_delta',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}',
  ),
  event('message_delta', `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"odd":1.0${delta}}`),
  event('message_stop', '{"type":"message_stop"}'),
];

export const messagesStream: DialectStream = {
  name: 'messages',
  path: '/v1/messages',
  headers: ANTHROPIC,
  body: '{"model":"claude-haiku-4-5","max_tokens":1000,"messages":[{"role":"user","content":"Say hi."}],"stream":true}', // 109
  hold: '0.006133',
  frames: messagesFrames(',"usage":{"output_tokens":5}'),
  cost: '0.000035',
  framesWithoutUsage: messagesFrames(''),
  overrunFrames: messagesFrames(',"usage":{"output_tokens":10000}'),
  overrunCost: '0.05001',
  brokenEnd:
    /event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"[^"]+"\},"request_id":"req_\w+"\}\n\n$/,
  providerError: event(
    'error',
    '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
  ),
};

export const STREAMS: DialectStream[] = [chatStream, responsesStream, messagesStream];
