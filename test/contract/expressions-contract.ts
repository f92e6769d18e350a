/**
 * What every engine must make of single expressions: a table of updates on one item, each with its outcome. Where an
 * engine is known to differ from DynamoDB the row says so, and the test asserts the difference, so that it cannot
 * outlive its reason.
 */
import type { AttributeValue, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import type { NamedEngine } from './engines.ts';
import { openTable } from './setup.ts';

const KEY = { pk: { S: 'p' }, sk: { S: '-' } };
const ITEM: Record<string, AttributeValue> = {
  ...KEY,
  n: { N: '5' },
  s: { S: 'text' },
  flag: { BOOL: true },
  nil: { NULL: true },
  m: { M: { x: { N: '1' }, deep: { M: { y: { N: '2' } } } } },
  l: { L: [{ N: '1' }, { N: '2' }] },
};

type Outcome = 'applied' | 'refused' | 'invalid';
interface Row {
  name: string;
  outcome: Outcome;
  condition?: string;
  update?: string;
  names?: Record<string, string>;
  values?: Record<string, AttributeValue>;
  /** What is new or other in the item afterwards; undefined for what is gone. */
  changed?: Record<string, AttributeValue | undefined>;
  /** Engines that answer otherwise than DynamoDB. */
  except?: { engine: string; outcome: Outcome; why: string };
}
const five = { ':v': { N: '5' } };
const condition = (text: string, outcome: Outcome, values: Row['values'] = five): Row => ({
  name: `${text} ${JSON.stringify(values)}`,
  outcome,
  condition: text,
  values,
});
const update = (text: string, values: Row['values'], changed: Row['changed']): Row => ({
  name: `${text} ${JSON.stringify(values ?? '')}`,
  outcome: 'applied',
  update: text,
  ...(values && { values }),
  ...(changed && { changed }),
});
const invalid = (text: string, values: Row['values'] | null = five): Row => ({
  name: `${text} ${JSON.stringify(values)}`,
  outcome: 'invalid',
  update: text,
  ...(values && { values }),
});

const CONDITIONS: Row[] = [
  condition('n = :v', 'applied'),
  condition('n <> :v', 'refused'),
  condition('n < :v', 'refused'),
  condition('n <= :v', 'applied'),
  condition('n > :v', 'refused'),
  condition('n >= :v', 'applied'),
  condition('n < :v', 'applied', { ':v': { N: '10' } }),
  condition('s < :v', 'applied', { ':v': { S: 'texu' } }),
  condition('s < :v', 'refused', { ':v': { N: '10' } }),
  condition(':v > n', 'applied', { ':v': { N: '10' } }),
  condition('n BETWEEN :v AND :w', 'applied', { ':v': { N: '5' }, ':w': { N: '6' } }),
  condition('n BETWEEN :v AND :w', 'refused', { ':v': { N: '6' }, ':w': { N: '60' } }),
  condition('n = :v', 'refused', { ':v': { S: '5' } }),
  condition('n <> :v', 'applied', { ':v': { S: '5' } }),
  condition('flag = :v', 'applied', { ':v': { BOOL: true } }),
  condition('nil = :v', 'applied', { ':v': { NULL: true } }),
  condition('l = :v', 'applied', { ':v': { L: [{ N: '1' }, { N: '2' }] } }),
  condition('l = :v', 'refused', { ':v': { L: [{ N: '1' }] } }),
  condition('m.deep = :v', 'applied', { ':v': { M: { y: { N: '2' } } } }),
  condition('m.deep = :v', 'refused', { ':v': { M: { y: { N: '2' }, z: { N: '2' } } } }),
  condition('m = :v', 'applied', { ':v': { M: { deep: { M: { y: { N: '2' } } }, x: { N: '1' } } } }),
  condition('m.deep.y < :v', 'applied'),
  // A missing operand makes every comparison false, but for <>.
  condition('q = :v', 'refused'),
  condition('q < :v', 'refused'),
  condition('m.q.y >= :v', 'refused'),
  condition('n.q = :v', 'refused'),
  condition('q BETWEEN :v AND :v', 'refused'),
  condition('begins_with(q, :v)', 'refused', { ':v': { S: 't' } }),
  condition('q <> :v', 'applied'),
  condition('NOT q = :v', 'applied'),
  condition('attribute_exists(m.deep.y) AND n = :v', 'applied'),
  condition('attribute_exists(m.deep.q) OR n = :v', 'applied'),
  condition('attribute_exists(nil) AND n = :v', 'applied'),
  condition('attribute_not_exists(m.q.y) AND n = :v', 'applied'),
  condition('attribute_not_exists(n.q) AND n = :v', 'applied'),
  condition('attribute_not_exists(m) AND n = :v', 'refused'),
  condition('begins_with(s, :v)', 'applied', { ':v': { S: 'te' } }),
  condition('begins_with(s, :v)', 'refused', { ':v': { S: 'ex' } }),
  condition('begins_with(n, :v)', 'refused', { ':v': { S: '5' } }),
  condition('size(m) = :v', 'applied', { ':v': { N: '2' } }),
  condition('size(l) < :v', 'refused', { ':v': { N: '2' } }),
  condition('size(q) < :v', 'refused'),
  condition('size(n) < :v', 'refused'),
  // AND binds more than OR, NOT more than AND.
  condition('n = :v OR n = :w AND s = :w', 'applied', { ':v': { N: '5' }, ':w': { N: '6' } }),
  condition('(n = :v OR n = :w) AND s = :w', 'refused', { ':v': { N: '5' }, ':w': { N: '6' } }),
  condition('NOT n = :w AND n = :v', 'applied', { ':v': { N: '5' }, ':w': { N: '6' } }),
  condition('NOT (n = :w OR n = :v)', 'refused', { ':v': { N: '5' }, ':w': { N: '6' } }),
  condition('NOT NOT n = :v', 'applied'),
  condition('not n <> :v and (n = :v)', 'applied'),
];

const UPDATES: Row[] = [
  update('SET n = n + :v', five, { n: { N: '10' } }),
  update('SET n = :v - n', { ':v': { N: '3' } }, { n: { N: '-2' } }),
  update('SET n = n - n', undefined, { n: { N: '0' } }),
  update('SET q = if_not_exists(q, :v) + :v', five, { q: { N: '10' } }),
  update('SET q = if_not_exists(n, :v)', { ':v': { S: 'x' } }, { q: { N: '5' } }),
  update('SET m.x = m.deep.y, m.z = m.x', undefined, {
    m: { M: { x: { N: '2' }, z: { N: '1' }, deep: { M: { y: { N: '2' } } } } },
  }),
  update('SET n = s, s = n', undefined, { n: { S: 'text' }, s: { N: '5' } }),
  update('SET q = n REMOVE n', undefined, { q: { N: '5' }, n: undefined }),
  update('REMOVE m.deep.y, m.q, q', undefined, { m: { M: { x: { N: '1' }, deep: { M: {} } } } }),
  update('ADD n :v, q :v', { ':v': { N: '-7' } }, { n: { N: '-2' }, q: { N: '-7' } }),
  update('set n = :v remove s add q :v', five, { n: { N: '5' }, s: undefined, q: { N: '5' } }),
  update('SET q = :v', { ':v': { N: '-007' } }, { q: { N: '-7' } }),
  update('SET q = :v', { ':v': { N: '-0' } }, { q: { N: '0' } }),
  {
    name: 'names may hold dots, digits and reserved words',
    outcome: 'applied',
    update: 'SET #0 = :0, m.#at = :0',
    names: { '#0': 'a.b', '#at': 'at' },
    values: { ':0': { S: '' } },
    changed: {
      'a.b': { S: '' },
      m: { M: { x: { N: '1' }, deep: { M: { y: { N: '2' } } }, at: { S: '' } } },
    },
  },
  {
    name: 'a condition that does not hold comes before an update that cannot be made',
    outcome: 'refused',
    condition: 'n = :v',
    update: 'SET q.x = :v',
    values: { ':v': { N: '6' } },
  },
];

const REFUSALS: Row[] = [
  invalid('SET q.x = :v'),
  invalid('SET n.x = :v'),
  { ...invalid('REMOVE q.x', null), except: lax('removes nothing') },
  invalid('SET q = w', null),
  invalid('SET n = s + :v'),
  invalid('SET n = n + :v', { ':v': { S: '5' } }),
  invalid('SET n = :v + :v + :v'),
  invalid('ADD s :v'),
  invalid('ADD n :v', { ':v': { S: '5' } }),
  invalid('SET n = :v, n = :v'),
  invalid('SET m = :v, m.x = :v'),
  invalid('SET m.x = :v REMOVE m'),
  invalid('SET m.deep.y = :v, m.deep = :v'),
  invalid('SET n = :v SET q = :v'),
  invalid('SET pk = :v', { ':v': { S: 'x' } }),
  invalid('SET gpk = :v'),
  invalid('SET gsk = :v', { ':v': { S: '' } }),
  invalid('SET at = :v'),
  invalid('SET m.Count = :v'),
  invalid('SET n = :w'),
  invalid('SET #n = :v'),
  invalid('SET n = n', { ':v': { N: '5' } }),
  invalid('SET n = :v', {}),
  invalid('SET n :v'),
  invalid('SET n = :v,'),
  invalid('SET n = (:v'),
  invalid('SET = :v'),
  invalid('SET 1n = :v'),
  invalid('SET n = :v n'),
  invalid('n = :v'),
  invalid('', null),
  invalid('SET q = :v', { ':v': { N: '123456789012345678901234567890123456789' } }),
  invalid('SET q = :v + :w', { ':v': { N: '99999999999999999999999999999999999999' }, ':w': { N: '2' } }),
  invalid('SET q = :v', { ':v': { N: 'five' } }),
  invalid('SET q = :v', { ':v': { S: 'x'.repeat(410_000) } }),
  invalid('SET q = :v', { ':v': nested(32) }),
  condition('((n = :v))', 'invalid'),
  condition('n = :v AND', 'invalid'),
  condition('n = :v n', 'invalid'),
  condition('(n = :v', 'invalid'),
  condition('n == :v', 'invalid'),
  condition('attribute_exists(:v)', 'invalid'),
  {
    ...condition('Attribute_exists(n) AND n = :v', 'invalid'),
    except: lax('takes function names in any case'),
  },
  condition('begins_with(s, :v)', 'invalid'),
  condition('n BETWEEN :v AND :w', 'invalid', { ':v': { N: '5' }, ':w': { N: '4' } }),
  condition('n BETWEEN :v AND :w', 'invalid', { ':v': { N: '5' }, ':w': { S: '6' } }),
  condition('at < :v', 'invalid'),
  { ...condition('n = n AND n = :v', 'invalid'), except: lax('compares an attribute with itself') },
  {
    ...condition('n < :v', 'invalid', { ':v': { BOOL: true } }),
    except: { ...lax('finds that a number is not below a flag'), outcome: 'refused' },
  },
  { ...condition(`n = :v${' AND n = :v'.repeat(150)}`, 'invalid'), except: lax('counts no operators') },
  condition(`n = :v${' '.repeat(4091)}`, 'invalid'),
  { ...condition('n = :v', 'invalid'), name: 'an unused name', names: { '#x': 'n' } },
  { ...condition('n = :v', 'invalid'), name: 'empty names', names: {} },
];
const LIMITS_REACHED: Row[] = [
  condition(`n = :v${' AND n = :v'.repeat(149)}`, 'applied'),
  condition(`n = :v${' '.repeat(4090)}`, 'applied'),
  { ...update('SET q = :v', { ':v': nested(31) }, undefined), name: 'as deep as may be' },
];

function lax(why: string): NonNullable<Row['except']> {
  return { engine: 'dynoxide', outcome: 'applied', why };
}
function nested(maps: number): AttributeValue {
  return maps === 0 ? { N: '1' } : { M: { x: nested(maps - 1) } };
}

const OUTCOMES: Record<string, Outcome> = {
  ConditionalCheckFailedException: 'refused',
  ValidationException: 'invalid',
};

export function expressionsContract(engine: NamedEngine): void {
  const opened = openTable(engine);
  describe.each(
    Object.entries({ conditions: CONDITIONS, updates: UPDATES, refusals: REFUSALS, limits: LIMITS_REACHED }),
  )(`%s on ${engine.name}`, (_, rows) => {
    test.each(rows.map((row) => [row.name.slice(0, 100), row] as const))('%s', async (_, row) => {
      const { api, tableName: TableName } = await opened;
      await api.putItem({ TableName, Item: ITEM });
      const outcome = await outcomeOf(api.updateItem({ TableName, ...inputOf(row) }));
      const expected = row.except?.engine === engine.name ? row.except.outcome : row.outcome;
      expect(outcome).toBe(expected);
      if (expected === 'applied' && row.except) return;
      const changed = Object.entries({ ...ITEM, ...(row.outcome === 'applied' && row.changed) });
      const after = Object.fromEntries(changed.filter(([, value]) => value));
      if (row.outcome !== 'applied' || row.changed) {
        expect((await api.getItem({ TableName, Key: KEY, ConsistentRead: true })).Item).toEqual(after);
      }
    });
  });
  test(`closes ${engine.name}`, async () => (await opened).close());
}

function inputOf(row: Row): Omit<UpdateItemInput, 'TableName'> {
  return {
    Key: KEY,
    UpdateExpression: row.update ?? 'REMOVE nothing',
    ...(row.condition !== undefined && { ConditionExpression: row.condition }),
    ...(row.names && { ExpressionAttributeNames: row.names }),
    ...(row.values && { ExpressionAttributeValues: row.values }),
  };
}

async function outcomeOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return 'applied';
  } catch (error) {
    return OUTCOMES[(error as Error).name] ?? String(error);
  }
}
