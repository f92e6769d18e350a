/** Records of the stream open the hours of their calls, and each that fails is told by its number. */
import type { DynamoDBRecord, StreamRecord } from 'aws-lambda';
import { expect, test } from 'vitest';
import { toWire } from '../../lambdas/adapters/table/items.ts';
import { createChargeFeed } from '../../lambdas/charge-feed/charge-feed.ts';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { toRfc3339 } from '../../lambdas/core/time.ts';
import { charge, type Spent } from './charged-world.ts';

let sequence = 0;
function record(spent: Partial<Spent> = {}): DynamoDBRecord {
  sequence += 1;
  const item = chargeToItem(charge({ at: '2026-11-24T12:34:56Z', cost: 1n, ...spent }));
  const NewImage = toWire(item) as NonNullable<StreamRecord['NewImage']>;
  return { eventName: 'INSERT', dynamodb: { SequenceNumber: `record-${sequence}`, NewImage } };
}

function feedWith(isRefused: (hour: string) => boolean = () => false) {
  const opened: string[] = [];
  const reasons: string[] = [];
  const feed = createChargeFeed({
    periods: {
      openHour: async (hour) => {
        if (isRefused(toRfc3339(hour))) throw new Error('the table is away');
        opened.push(toRfc3339(hour));
      },
    },
    report: ({ reason }) => void reasons.push(reason),
  });
  return { feed, opened, reasons };
}

const numbersOf = (records: DynamoDBRecord[]) =>
  records.map(({ dynamodb }) => ({ itemIdentifier: dynamodb!.SequenceNumber! }));

test('an hour is opened once a batch, that of the call and not of its charge', async () => {
  const { feed, opened } = feedWith();
  const Records = [
    record(),
    record({ at: '2026-11-24T12:00:00Z', outcome: 'presumed_spent' }),
    record({ at: '2026-11-23T23:59:59.999Z', outcome: 'adjusted' }),
  ];
  expect(await feed({ Records: [...Records, Records[0]!] })).toEqual({ batchItemFailures: [] });
  expect(opened).toEqual(['2026-11-24T12:00:00Z', '2026-11-23T23:00:00Z']);
});

test('nothing but a new charge opens anything', async () => {
  const { feed, opened } = feedWith();
  const leaf = record();
  leaf.dynamodb!.NewImage!['pk'] = { S: 'L#user:alice' };
  const changed = record();
  changed.dynamodb!.OldImage = changed.dynamodb!.NewImage!;
  const removed = { ...record().dynamodb };
  delete removed.NewImage;
  expect(await feed({ Records: [leaf, changed, { dynamodb: removed }] })).toEqual({ batchItemFailures: [] });
  expect(opened).toEqual([]);
});

test('a record that cannot be read fails alone, and all of an hour that cannot be opened', async () => {
  const { feed, opened, reasons } = feedWith((hour) => hour === '2026-11-24T12:00:00Z');
  const broken = record();
  delete broken.dynamodb!.NewImage!['i'];
  const ofHour = [record(), record()];
  const later = record({ at: '2026-11-24T13:00:00Z' });
  const { batchItemFailures } = await feed({ Records: [ofHour[0]!, broken, later, ofHour[1]!] });
  expect(batchItemFailures).toEqual(numbersOf([broken, ...ofHour]));
  expect(opened).toEqual(['2026-11-24T13:00:00Z']);
  expect(reasons).toHaveLength(3);
});
