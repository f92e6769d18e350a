/** Types for values that look alike and must not be confused. A brand exists for the compiler only. */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Picodollars, 1e-12 USD. See money.ts for the only ways to make, divide and print one. */
export type PicoUsd = Brand<bigint, 'PicoUsd'>;
/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = Brand<number, 'EpochMs'>;
export type DurationMs = Brand<number, 'DurationMs'>;

export type CapId = Brand<string, 'CapId'>;
/** Names one call in flight on its leaf, and afterwards its charge. */
export type HoldId = Brand<string, 'HoldId'>;
/** Names one HTTP request, refusals too. */
export type RequestId = Brand<string, 'RequestId'>;

export const picoUsd = (value: bigint): PicoUsd => value as PicoUsd;
export const epochMs = (value: number): EpochMs => value as EpochMs;
export const durationMs = (value: number): DurationMs => value as DurationMs;
export const capId = (value: string): CapId => value as CapId;
export const holdId = (value: string): HoldId => value as HoldId;
export const requestId = (value: string): RequestId => value as RequestId;
