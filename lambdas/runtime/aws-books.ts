/** The books on DynamoDB: table, ledger and directory of one function, over one client a container. */
import { awsDynamoDb, dynamoDbClient } from '../adapters/table/aws.ts';
import { DynamoDbTable } from '../adapters/table/dynamodb-table.ts';
import { Directory } from '../core/directory/directory.ts';
import { Ledger } from '../core/ledger/ledger.ts';
import type { Clock, Ids, Table } from '../core/ports.ts';
import { systemClock as clock } from './clock.ts';
import { systemIds as ids } from './ids.ts';

export interface Books {
  table: Table;
  ledger: Ledger;
  directory: Directory;
  clock: Clock;
  ids: Ids;
}

export function openAwsBooks(tableName: string): Books {
  const table = new DynamoDbTable({ api: awsDynamoDb(dynamoDbClient()), tableName, clock, ids });
  return {
    table,
    ledger: new Ledger({ table, clock, ids }),
    directory: new Directory({ table, clock }),
    clock,
    ids,
  };
}
