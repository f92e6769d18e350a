/**
 * The stream of the local table: leaves as they stand after each write, with the image before where it is known.
 * Taken from the answers of writes, so that it costs a call nothing. Leaves are written one at a time (ledger.ts), so
 * transactions are not looked at. Leaves out: retention and order over a restart; the change feed reads every leaf
 * when it starts, which tells the same.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord, StreamRecord } from 'aws-lambda';
import QuickLRU from 'quick-lru';
import type { DynamoDbApi } from '../lambdas/adapters/table/dynamodb-api.ts';

const LEAVES_REMEMBERED_MAX = 10_000;

type Image = Record<string, AttributeValue>;

export class LeafChanges {
  readonly #last = new QuickLRU<string, Image>({ maxSize: LEAVES_REMEMBERED_MAX });
  #waiting: DynamoDBRecord[] = [];
  #sequence = 0;
  #wake: () => void = () => undefined;

  /** The same operations; whatever they do to a leaf is seen. */
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
    };
  }

  seen(image: Image): void {
    const pk = image['pk']?.S;
    if (pk?.startsWith('L#') !== true) return;
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

  /** The leaf's next change is told without an older image, and so tells everything again. */
  forget({ dynamodb }: DynamoDBRecord): void {
    const pk = dynamodb?.NewImage?.['pk']?.S;
    if (pk !== undefined) this.#last.delete(pk);
  }
}

const versionOf = (image: Image): bigint => BigInt(image['v']?.N ?? '0');

/** A reserve moves what is free, and what is held; the feed looks at neither. */
function isSameStanding(old: Image, next: Image): boolean {
  const before = old['a']?.M ?? {};
  return Object.entries(next['a']?.M ?? {}).every(([name, { M: account }]) =>
    STANDING.every((member) => before[name]?.M?.[member]?.N === account?.[member]?.N),
  );
}
const STANDING = ['s', 'l', 'k', 'r'];

/** The two packages write the same JSON as different types. */
const streamed = (image: Image) => image as NonNullable<StreamRecord['NewImage']>;
