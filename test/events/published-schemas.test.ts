/**
 * The schemas that subscribers read are those that the code publishes by. `npx vitest run test/events -u` writes them:
 * what a version in `docs/events/` has already said, it must go on saying.
 */
import { readdirSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { EVENT_SCHEMAS } from '../../lambdas/core/events/catalogue.ts';
import type { EventType } from '../../lambdas/core/events/event-types.ts';
import { blocksOf } from '../support/doc-blocks.ts';

const FOLDER = `${new URL('../..', import.meta.url).pathname}docs/events`;
const types = Object.keys(EVENT_SCHEMAS) as EventType[];
const fileOf = (type: EventType): string => `${type}.v${EVENT_SCHEMAS[type].shape.version.value}.schema.json`;

test.each(types)('%s', async (type) => {
  const schema = { title: type, ...z.toJSONSchema(EVENT_SCHEMAS[type], { override: takeMore }) };
  const filepath = `${FOLDER}/${fileOf(type)}`;
  const text = await format(JSON.stringify(schema), { ...(await resolveConfig(filepath)), filepath });
  await expect(text).toMatchFileSnapshot(filepath);
});

test('each has a file, and nothing else has', () => {
  const published = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  expect(published.sort()).toEqual(types.map(fileOf).sort());
});

test('docs/events.md names them all, and its example is one', () => {
  const [example, ...more] = blocksOf('docs/events.md', ['json']).map(
    ({ text }) => JSON.parse(text) as Example,
  );
  expect(more).toEqual([]);
  expect(example!.source).toBe('spendcap');
  EVENT_SCHEMAS[example!['detail-type']].parse(example!.detail);
});

/** Subscribers let members be that a later release adds. */
function takeMore({ jsonSchema }: { jsonSchema: { additionalProperties?: unknown } }): void {
  delete jsonSchema.additionalProperties;
}

interface Example {
  source: string;
  'detail-type': EventType;
  detail: unknown;
}
