/** Charges and their rows on some hosts: charges are written, their stream opens hours, and rounds roll them up. */
import type { DynamoDBRecord } from 'aws-lambda';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { createChargeFeed } from '../../lambdas/charge-feed/charge-feed.ts';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { putIfAbsent } from '../../lambdas/core/ledger/expressions.ts';
import { isApplied, TableUnavailable, type WriteOutcome } from '../../lambdas/core/ports.ts';
import { Periods } from '../../lambdas/core/rollups/periods.ts';
import type { RowReader } from '../../lambdas/core/rollups/read-rows.ts';
import type { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

const MINUTE = 60_000;
const HOSTS = 3;

/** Whether now or by an earlier attempt. Throws TableUnavailable. */
const isDone = (outcome: WriteOutcome): void => void isApplied(outcome);

export interface RowWorldOptions {
  time: VirtualTime;
  seed: number;
  chance: Random;
  network: SimulatedNetwork;
  zone: string;
  /** For so long records come together. */
  batchMs: number;
  /** These records opened their hours. */
  told?: (records: readonly DynamoDBRecord[]) => void;
}

export class RowWorld {
  private readonly options: RowWorldOptions;
  private readonly hosts: (RowReader & { process: SimulatedProcess })[] = [];
  private processes = 0;
  private batch: DynamoDBRecord[] = [];

  constructor(options: RowWorldOptions) {
    this.options = options;
  }

  /** Until it stands: whoever dies over it is followed by another. */
  write(delayMs: number, item: ReturnType<typeof chargeToItem>): void {
    this.options.time.in(delayMs, () =>
      this.run(async ({ table }) => isDone(await table.put(putIfAbsent(item))), true),
    );
  }

  /** Records that come within the same moments come together. */
  tell(record: DynamoDBRecord, delayMs: number): void {
    const { time, batchMs } = this.options;
    time.in(delayMs, () => {
      this.batch.push(record);
      if (this.batch.length === 1) time.in(batchMs, () => this.deliver(this.batch.splice(0)));
    });
  }

  private deliver(Records: DynamoDBRecord[]): void {
    this.run(async ({ periods }) => {
      const feed = createChargeFeed({ periods, report: () => undefined });
      const { batchItemFailures } = await feed({ Records });
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      const hasFailed = ({ dynamodb }: DynamoDBRecord): boolean => failed.has(dynamodb!.SequenceNumber!);
      this.options.told?.(Records.filter((record) => !hasFailed(record)));
      // As Lambda does: from the first that failed on, whatever became of the others.
      const first = Records.findIndex(hasFailed);
      if (first >= 0) for (const record of Records.slice(first)) this.tell(record, 1000);
    }, true);
  }

  /** On some host that is up; again on another, where the work must be done. */
  run(work: (host: RowReader) => Promise<void>, mustBeDone: boolean): void {
    const { time, chance } = this.options;
    const host = this.someHost();
    const again = (): void => {
      if (mustBeDone) time.in(chance.between(100, MINUTE), () => this.run(work, true));
    };
    const stopListening = host.process.onDeath(again);
    work(host).then(stopListening, (error: unknown) => {
      stopListening();
      if (!(error instanceof TableUnavailable)) time.fail(error);
      again();
    });
  }

  private someHost(): RowReader & { process: SimulatedProcess } {
    const { time, seed, chance, network, zone } = this.options;
    const place = chance.whole(0, HOSTS - 1);
    const known = this.hosts[place];
    if (known?.process.alive) return known;
    this.processes += 1;
    const process = new SimulatedProcess({
      ...{ number: this.processes, seed, time, skewMs: chance.between(-1000, 1000) },
      killShare: () => network.rates.killed,
    });
    const { clock, ids } = process;
    const table = new DynamoDbTable({ api: network.apiOf(process), tableName: 't', clock, ids });
    return (this.hosts[place] = { process, table, clock, periods: new Periods({ table, clock, ids }), zone });
  }
}
