/** The events of a streamed response: one item, text or a function call, between the response begun and finished. */
import type { JsonObject } from '../../lambdas/core/json-document.ts';
import { namedEvent, type StreamedAnswer, type Generation } from './endpoint.ts';
import { inPieces } from './tokens.ts';

export interface ResponseStates {
  begun: JsonObject;
  finished: JsonObject;
  /** Complete. */
  item: JsonObject;
}

export function streamResponse(
  { tool, text, chunks, isCut }: Generation,
  { begun, finished, item }: ResponseStates,
): StreamedAnswer {
  let sent = 0;
  const event = (type: string, members: JsonObject): string =>
    namedEvent({ type, sequence_number: sent++, ...members });
  const itemEvents = tool ? callEvents(item, tool.arguments) : textEvents(item, text);
  const inItem = ([type, members]: ItemEvent): string =>
    event(type, { item_id: item['id'], output_index: 0, ...members });

  return {
    opening: [
      event('response.created', { response: begun }),
      event('response.in_progress', { response: begun }),
      event('response.output_item.added', { output_index: 0, item: itemEvents.emptyItem }),
      ...itemEvents.before.map(inItem),
    ],
    content: inPieces(tool?.arguments ?? text, chunks).map((piece) => inItem(itemEvents.delta(piece))),
    closing: [
      ...itemEvents.after.map(inItem),
      event('response.output_item.done', { output_index: 0, item }),
      event(isCut ? 'response.incomplete' : 'response.completed', { response: finished }),
    ],
    failure: (eventsBefore) =>
      namedEvent({
        type: 'response.failed',
        sequence_number: eventsBefore,
        response: {
          ...begun,
          status: 'failed',
          error: { code: 'server_error', message: 'The server had an error: simulated.' },
        },
      }),
  };
}

type ItemEvent = [type: string, members: JsonObject];
interface ItemEvents {
  emptyItem: JsonObject;
  before: ItemEvent[];
  delta: (piece: string) => ItemEvent;
  after: ItemEvent[];
}

function textEvents(item: JsonObject, text: string): ItemEvents {
  const part = (partText: string): JsonObject => ({
    type: 'output_text',
    annotations: [],
    logprobs: [],
    text: partText,
  });
  return {
    emptyItem: { ...item, status: 'in_progress', content: [] },
    before: [['response.content_part.added', { content_index: 0, part: part('') }]],
    delta: (piece) => ['response.output_text.delta', { content_index: 0, delta: piece, logprobs: [] }],
    after: [
      ['response.output_text.done', { content_index: 0, text, logprobs: [] }],
      ['response.content_part.done', { content_index: 0, part: part(text) }],
    ],
  };
}

function callEvents(item: JsonObject, text: string): ItemEvents {
  return {
    emptyItem: { ...item, status: 'in_progress', arguments: '' },
    before: [],
    delta: (piece) => ['response.function_call_arguments.delta', { delta: piece }],
    after: [['response.function_call_arguments.done', { name: item['name'], arguments: text }]],
  };
}
