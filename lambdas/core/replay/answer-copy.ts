/** A copy of a stream as it goes by, up to what can be stored. */
import { ANSWER_BYTES_MAX } from './stored-answers.ts';

export class AnswerCopy {
  private pieces: Uint8Array[] = [];
  private length = 0;

  add(piece: Uint8Array): void {
    this.length += piece.byteLength;
    if (this.length > ANSWER_BYTES_MAX) this.pieces = [];
    else this.pieces.push(piece);
  }

  /** Undefined where it became too large. */
  bytes(): Uint8Array<ArrayBuffer> | undefined {
    if (this.length > ANSWER_BYTES_MAX) return undefined;
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      whole.set(piece, at);
      at += piece.byteLength;
    }
    return whole;
  }
}
