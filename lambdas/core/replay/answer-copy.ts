/** A copy of a stream as it goes by, up to what can be stored. */
import { ANSWER_BYTES_MAX } from './stored-answers.ts';

export class AnswerCopy {
  private pieces: string[] = [];
  /** UTF-16 units, of which there are never more than bytes. */
  private length = 0;

  add(text: string): void {
    this.length += text.length;
    if (this.length > ANSWER_BYTES_MAX) this.pieces = [];
    else this.pieces.push(text);
  }

  /** Undefined where it became too large. */
  bytes(): Uint8Array<ArrayBuffer> | undefined {
    return this.length > ANSWER_BYTES_MAX ? undefined : new TextEncoder().encode(this.pieces.join(''));
  }
}
