/** Headers and errors of the Bedrock runtime (client-bedrock-runtime 3.1164.0 typings, checked 2026-11-30). */
import type { SimulatedDialect } from './endpoint.ts';

const EXCEPTION_MESSAGE: Record<number, [exception: string, message: string]> = {
  400: ['ValidationException', 'The simulated provider was asked for this error.'],
  401: ['UnrecognizedClientException', 'The security token included in the request is invalid: simulated.'],
  404: ['ResourceNotFoundException', 'Could not resolve the foundation model: simulated.'],
  405: ['UnknownOperationException', 'Method Not Allowed'],
  429: ['ThrottlingException', 'Too many requests, please wait before trying again: simulated.'],
  500: ['InternalServerException', 'The system encountered an unexpected error: simulated.'],
  502: ['InternalServerException', 'Bad gateway: simulated.'],
  503: ['ServiceUnavailableException', 'Bedrock is unable to process your request: simulated.'],
  504: ['InternalServerException', 'Gateway timeout: simulated.'],
  529: ['ServiceUnavailableException', 'Overloaded: simulated.'],
};

export const bedrock: SimulatedDialect = {
  name: 'bedrock',
  headers: (requestId) => ({ 'x-amzn-requestid': requestId }),
  errorHeaders: (status) => ({ 'x-amzn-errortype': EXCEPTION_MESSAGE[status]![0] }),
  error: (status, problem) => ({ message: problem?.message ?? EXCEPTION_MESSAGE[status]![1] }),
};
