/** undici's Agent alone: its index brings fetch, web sockets and caches into the bundle, a quarter of a megabyte. */
import type { Agent as AgentClass } from 'undici';
// @ts-expect-error undici has no types for its parts.
import agent from 'undici/lib/dispatcher/agent.js';

export const Agent = agent as typeof AgentClass;
