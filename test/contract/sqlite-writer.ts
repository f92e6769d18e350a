/** Writes to the SQLite engine of the directory given until it is killed, and says on stdout what was acknowledged. */
import { writeSync } from 'node:fs';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { openSqliteEngine } from '../../lambdas/adapters/table/local/sqlite-engine.ts';
import { systemClock } from '../../lambdas/runtime/clock.ts';
import { systemIds } from '../../lambdas/runtime/ids.ts';

const [directory, round] = process.argv.slice(2) as [string, string];
const WRITERS = 8;

const table = new DynamoDbTable({
  api: openSqliteEngine({ directory, clock: systemClock }),
  tableName: 'spendcap',
  clock: systemClock,
  ids: systemIds,
});
writeSync(1, `open\n`);
await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeForEver(writer)));

/** Each writer in turn puts an item, and moves 1 from the pool to its own leaf in a transaction. */
async function writeForEver(writer: number): Promise<void> {
  const leaf = { pk: `leaf-${writer}`, sk: '-' };
  for (let i = 0; ; i += 1) {
    const key = { pk: `${round}-${writer}-${i}`, sk: '-' };
    await table.put({ item: { ...key, n: BigInt(i) } });
    writeSync(1, `put ${key.pk}\n`);
    const outcome = await table.transact(
      [
        {
          op: 'update',
          key: { pk: 'pool', sk: '-' },
          update: 'SET f = f - :one',
          condition: 'f >= :one',
          values: { ':one': 1n },
        },
        {
          op: 'update',
          key: leaf,
          update: 'SET f = if_not_exists(f, :zero) + :one',
          values: { ':one': 1n, ':zero': 0n },
        },
      ],
      `${round}-${writer}-${i}`,
    );
    if (outcome.kind === 'applied') writeSync(1, `moved ${writer}\n`);
  }
}
