/** What the auditor saw, over a seed. */
export interface AuditCounts {
  reserved: number;
  settled: number;
  presumed: number;
  adjusted: number;
  voided: number;
  replayed: number;
  inFlight: number;
  denials: number;
  falseDenials: number;
  /** Of a shared cap: told to come back, without a proof. */
  undecided: number;
  throttles: number;
  unavailable: number;
  slotsFreed: number;
  overruns: number;
  stages: number;
  /** Held under the rate of a stage. */
  rated: number;
}

export const newCounts = (): AuditCounts => ({
  reserved: 0,
  settled: 0,
  presumed: 0,
  adjusted: 0,
  voided: 0,
  replayed: 0,
  inFlight: 0,
  denials: 0,
  falseDenials: 0,
  undecided: 0,
  throttles: 0,
  unavailable: 0,
  slotsFreed: 0,
  overruns: 0,
  stages: 0,
  rated: 0,
});
