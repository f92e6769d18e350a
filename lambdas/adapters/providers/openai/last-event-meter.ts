/** A stream whose last event carries the usage, as those of images and transcriptions do. */
import {
  withCost,
  type CostWriter,
  type Metered,
  type StreamEvent,
  type StreamMeter,
} from '../../../core/endpoint.ts';
import { readJsonObject, type JsonObject } from '../../../core/json-document.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { errorFrame } from './error-frame.ts';

export class LastEventMeter implements StreamMeter {
  private reading: UsageReading | undefined;
  private hasEnded = false;
  private failed = false;
  private readonly lastType: string;
  private readonly readUsage: (event: JsonObject) => UsageReading | undefined;
  private readonly costOf: CostWriter;

  constructor(of: {
    lastType: string;
    readUsage: (event: JsonObject) => UsageReading | undefined;
    costOf: CostWriter;
  }) {
    this.lastType = of.lastType;
    this.readUsage = of.readUsage;
    this.costOf = of.costOf;
  }

  take(event: StreamEvent): Metered {
    const data = readJsonObject(event.data);
    if (!data) return { pass: event, isLast: false };
    if (data['error'] !== undefined || data['type'] === 'error') this.failed = true;
    if (data['type'] !== this.lastType) return { pass: event, isLast: false };
    this.hasEnded = true;
    this.reading = this.readUsage(data);
    const members = this.reading && this.costOf(this.reading);
    const pass = members ? { ...event, data: withCost(event.data, ['usage'], members) } : event;
    return { pass, isLast: true };
  }

  usage(): UsageReading | undefined {
    return this.reading;
  }
  isComplete(): boolean {
    return this.hasEnded;
  }
  /** None of these answers names its model. */
  servedModel(): undefined {
    return undefined;
  }
  sawError(): boolean {
    return this.failed;
  }
  brokenOff(message: string): StreamEvent[] {
    return [errorFrame(message)];
  }
}
