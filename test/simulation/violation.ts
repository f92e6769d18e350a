/** What the auditor can find. */
export const RULES = [
  'cap exceeded',
  'conservation',
  'resolved once',
  'charged the truth',
  'denial justified',
  'throttle justified',
  'nothing lands late',
  'configuration lag',
  'stage',
  'rate',
  'event',
  'mail',
  'webhook',
  'digest',
  'progress',
] as const;
export type Rule = (typeof RULES)[number];

export class Violation extends Error {
  override name = 'Violation';
  readonly rule: Rule;

  constructor(rule: Rule, message: string) {
    super(`${rule}: ${message}`);
    this.rule = rule;
  }
}
