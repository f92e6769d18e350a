/** What the auditor can find. */
export type Rule =
  | 'cap exceeded'
  | 'conservation'
  | 'resolved once'
  | 'charged the truth'
  | 'denial justified'
  | 'throttle justified'
  | 'nothing lands late'
  | 'configuration lag'
  | 'stage'
  | 'event'
  | 'progress';

export class Violation extends Error {
  override name = 'Violation';
  readonly rule: Rule;

  constructor(rule: Rule, message: string) {
    super(`${rule}: ${message}`);
    this.rule = rule;
  }
}
