/**
 * The stream of the local table, as far as it is about charges, which are put once and never change. Leaves out:
 * retention over a restart; the roll-up looks at the last hours again when it starts, which tells the same.
 */
import type { DynamoDBRecord, StreamRecord } from 'aws-lambda';
import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import type { DynamoDbApi } from '../lambdas/adapters/table/dynamodb-api.ts';

export class ChargeChanges {
  #waiting: DynamoDBRecord[] = [];
  #sequence = 0;

  /** The same operations; every charge that they put is seen. */
  watch(api: DynamoDbApi): DynamoDbApi {
    return {
      ...api,
      putItem: async (input) => {
        const output = await api.putItem(input);
        this.#seen(input.Item);
        return output;
      },
      transactWriteItems: async (input) => {
        const output = await api.transactWriteItems(input);
        for (const { Put } of input.TransactItems ?? []) this.#seen(Put?.Item);
        return output;
      },
    };
  }

  #seen(item: PutItemInput['Item']): void {
    if (!item?.['pk']?.S?.startsWith('C#')) return;
    this.#sequence += 1;
    // The two packages write the same JSON as different types.
    const NewImage = item as NonNullable<StreamRecord['NewImage']>;
    this.#waiting.push({
      eventName: 'INSERT',
      dynamodb: { SequenceNumber: String(this.#sequence), NewImage },
    });
  }

  /** At most so many of the oldest that wait. */
  take(count: number): DynamoDBRecord[] {
    return this.#waiting.splice(0, count);
  }

  /** To be taken once more. */
  putBack(records: readonly DynamoDBRecord[]): void {
    this.#waiting.unshift(...records);
  }
}
