/**
 * What stored answers are sealed with. Only the proxy may read it, so who reads the table does not read answers. A new
 * value makes those stored before unreadable: their repeats are told their charge.
 */
import type { Construct } from 'constructs';
import { GeneratedSecret } from '../generated-secret/generated-secret.ts';

export class AnswerKey extends GeneratedSecret {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      description: 'Seals stored answers; a new value makes those stored before unreadable',
      variable: 'ANSWER_KEY_SECRET_ARN',
      withoutRotation:
        'A new value loses what was stored before; whoever wants that puts one in, and running functions follow.',
    });
  }
}
