/** What rows must hold in the end, by the auditor's own arithmetic over the items as they stand. */
import { Temporal } from 'temporal-polyfill';
import type { StoredItem } from '../../lambdas/adapters/table/local/attribute-values.ts';
import type { RecordingStore } from './recording-store.ts';

interface Sum {
  n: bigint;
  u: bigint;
}

export class RowAudit {
  charges = 0;
  /** Hours that were found to lack charges. */
  gaps = 0;
  private readonly zone: string;
  /** By place: hour or day, and whose. */
  private readonly due = new Map<string, Sum>();

  constructor(zone: string) {
    this.zone = zone;
  }

  charged(item: StoredItem): void {
    this.charges += 1;
    const info = item['i']!.M!;
    const at = Temporal.Instant.fromEpochMilliseconds(Number(info['ts']!.N));
    const utc = at.toZonedDateTimeISO('UTC');
    const date = at.toZonedDateTimeISO(this.zone).toPlainDate().toString();
    const who = info['us']?.S === undefined ? `app:${info['ap']!.S!}` : `user:${info['us'].S}`;
    for (const name of [who, '-']) {
      this.add(`R#H#${utc.toPlainDate().toString()} ${name}#${String(utc.hour).padStart(2, '0')}`, item);
      this.add(`R#D#${this.zone}#${date} ${name}`, item);
    }
  }

  private add(place: string, item: StoredItem): void {
    const sum = this.due.get(place) ?? { n: 0n, u: 0n };
    this.due.set(place, { n: sum.n + 1n, u: sum.u + BigInt(item['u']!.M!['u']!.N!) });
  }

  /** Throws where a row is missing, too much or wrong, or a period is still open. */
  atRest(store: RecordingStore): void {
    const found = new Map<string, Sum>();
    for (const item of store.all()) {
      const [pk, sk] = [item['pk']!.S!, item['sk']!.S!];
      if (pk === 'R#OPEN') throw new Error(`${sk} is open for ever`);
      if (!/^R#[HD]#/.test(pk)) continue;
      const place = `${pk} ${sk.slice(0, sk.lastIndexOf('#'))}`;
      const sum = found.get(place) ?? { n: 0n, u: 0n };
      found.set(place, { n: sum.n + BigInt(item['n']!.N!), u: sum.u + BigInt(item['u']!.N!) });
    }
    for (const place of new Set([...this.due.keys(), ...found.keys()])) {
      const [due, is] = [this.due.get(place), found.get(place)];
      if (due?.n !== is?.n || due?.u !== is?.u)
        throw new Error(`${place} has ${is?.n} charges of ${is?.u}, not ${due?.n} of ${due?.u}`);
    }
  }
}
