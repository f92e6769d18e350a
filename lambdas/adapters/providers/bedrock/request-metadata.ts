/** `requestMetadata`: what a caller says of a call, up to 16 entries, which AWS writes into its invocation log. */
import { isObject, type JsonValue } from '../../../core/json-document.ts';

/** Its value is the id of the call's hold. */
export const HOLD_ENTRY = 'spendcap-hold';
const ENTRIES_MAX = 16;

/** Why there is no room for our entry, as a sentence; undefined where there is. */
export function problemOfMetadata(metadata: JsonValue | undefined): string | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  if (!isObject(metadata)) return '"requestMetadata" must be an object.';
  if (Object.hasOwn(metadata, HOLD_ENTRY))
    return `"requestMetadata" cannot have "${HOLD_ENTRY}": Spendcap sets it.`;
  if (Object.keys(metadata).length < ENTRIES_MAX) return undefined;
  return `"requestMetadata" has room for ${ENTRIES_MAX} entries, and Spendcap needs one: send ${ENTRIES_MAX - 1} at most.`;
}
