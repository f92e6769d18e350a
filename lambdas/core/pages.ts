/** Lists that come in pages, read as one. */
export interface CursorPage<T> {
  items: T[];
  /** Where the next page begins; undefined at the end. */
  cursor: string | undefined;
}

/** Every item, page after page; whoever stops early reads no further page. `at` is to be spread into the read. */
export async function* everyItem<T>(
  read: (at: { cursor?: string }) => Promise<CursorPage<T>>,
): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const page = await read(cursor === undefined ? {} : { cursor });
    yield* page.items;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
