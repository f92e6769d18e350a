/**
 * The stream of the local table: leaves, pools and grants as they stand after each write, with the image before where it is
 * known. Taken from the answers of writes, so that it costs a call nothing; a transaction answers nothing, so a pool
 * that one updated is read. Leaves out: retention and order over a restart; the change feed reads every leaf and pool
 * when it starts, which tells the same.
 */
import type { AttributeValue, Update } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord, StreamRecord } from 'aws-lambda';
import QuickLRU from 'quick-lru';
import type { DynamoDbApi } from '../lambdas/adapters/table/dynamodb-api.ts';

const ITEMS_REMEMBERED_MAX = 10_000;

type Image = Record<string, AttributeValue>;

export class AccountChanges {
  readonly #last = new QuickLRU<string, Image>({ maxSize: ITEMS_REMEMBERED_MAX });
  #waiting: DynamoDBRecord[] = [];
  #sequence = 0;
  #wake: () => void = () => undefined;

  /** The same operations; whatever they do to a leaf or pool is seen. */
  watch(api: DynamoDbApi): DynamoDbApi {
    return {
      ...api,
      updateItem: async (input) => {
        const output = await api.updateItem(input);
        if (output.Attributes) this.seen(output.Attributes);
        return output;
      },
      putItem: async (input) => {
        const output = await api.putItem(input);
        if (input.Item) this.seen(input.Item);
        return output;
      },
      transactWriteItems: async (input) => {
        const output = await api.transactWriteItems(input);
        for (const { Put, Update } of input.TransactItems ?? []) {
          if (Put?.Item) this.seen(Put.Item);
          if (isAccounts(Update?.Key?.['pk']?.S)) await this.#read(api, Update);
        }
        return output;
      },
    };
  }

  /** What was written stands, whether or not it can be read: then the item's next change tells the same. */
  async #read(api: DynamoDbApi, { TableName, Key }: Pick<Update, 'TableName' | 'Key'>): Promise<void> {
    try {
      const { Item } = await api.getItem({ TableName, Key, ConsistentRead: true });
      if (Item) this.seen(Item);
    } catch {
      this.#last.delete(Key!['pk']!.S!);
    }
  }

  seen(image: Image): void {
    const pk = image['pk']?.S;
    if (pk === undefined || !isTold(pk, image)) return;
    const old = this.#last.get(pk);
    const isNewer = old === undefined || versionOf(old) < versionOf(image);
    if (isNewer) this.#last.set(pk, image);
    if (old && isSameStanding(old, image)) return;
    this.#sequence += 1;
    this.#waiting.push({
      dynamodb: {
        SequenceNumber: String(this.#sequence),
        NewImage: streamed(image),
        ...(old && isNewer && { OldImage: streamed(old) }),
      },
    });
    this.#wake();
  }

  /** At most so many of the oldest that wait. */
  take(count: number): DynamoDBRecord[] {
    return this.#waiting.splice(0, count);
  }

  /** Resolves when something waits, or at `wake`. */
  async arrived(): Promise<void> {
    if (this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }
  wake(): void {
    this.#wake();
  }

  /** The item's next change is told without an older image, and so tells everything again. */
  forget({ dynamodb }: DynamoDBRecord): void {
    const pk = dynamodb?.NewImage?.['pk']?.S;
    if (pk !== undefined) this.#last.delete(pk);
  }
}

const versionOf = (image: Image): bigint => BigInt(image['v']?.N ?? '0');

const isAccounts = (pk: string | undefined): pk is string => /^(L|P|GRANT)#/.test(pk ?? '');

/** As the filters of the stream have it: lib/constructs/change-feed. */
const isTold = (pk: string, image: Image): boolean =>
  /^(L|P|GRANT|REACHED)#/.test(pk) || (pk.startsWith('C#') && image['end']?.S === 'overrun');

/** A reserve moves what is free, and what is held; the feed looks at neither, and at no lease, which has no `r`. */
function isSameStanding(old: Image, next: Image): boolean {
  if (old['state']?.S !== next['state']?.S) return false;
  const before = accountsOf(old);
  return Object.entries(accountsOf(next)).every(
    ([name, account]) =>
      account?.['r'] === undefined ||
      (STANDING.every((member) => before[name]?.[member]?.N === account[member]?.N) &&
        before[name]?.['g']?.S === account['g']?.S),
  );
}
const STANDING = ['s', 'l', 'k', 'r'];

/** A pool is one account. */
function accountsOf(image: Image): Record<string, Image | undefined> {
  const pk = image['pk']!.S!;
  if (pk.startsWith('P#')) return { [pk]: image };
  return Object.fromEntries(Object.entries(image['a']?.M ?? {}).map(([name, { M }]) => [name, M]));
}

/** The two packages write the same JSON as different types. */
const streamed = (image: Image) => image as NonNullable<StreamRecord['NewImage']>;
