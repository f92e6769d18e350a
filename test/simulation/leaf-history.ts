/** Every version that a leaf has had, and since when. */
import type { LeafImage } from './images.ts';

export class LeafHistory {
  private readonly versions = new Map<string, { image: LeafImage; since: number }[]>();
  private readonly newest = new Map<string, LeafImage>();

  add(image: LeafImage, since: number): void {
    this.newest.set(image.pk, image);
    const versions = this.versions.get(image.pk);
    if (versions) versions.push({ image, since });
    else this.versions.set(image.pk, [{ image, since }]);
  }

  latest(pk: string): LeafImage | undefined {
    return this.newest.get(pk);
  }

  all(): Iterable<LeafImage> {
    return this.newest.values();
  }

  /** The image of that version, if it was the newest at some instant from then on. */
  during(pk: string, version: bigint, from: number): LeafImage | undefined {
    const versions = this.versions.get(pk) ?? [];
    const found = versions[Number(version) - 1];
    const next = versions[Number(version)];
    return found && (!next || next.since >= from) ? found.image : undefined;
  }

  writesSince(pk: string, instant: number): number {
    return (this.versions.get(pk) ?? []).filter(({ since }) => since >= instant).length;
  }

  hadHolds(pk: string, count: number): boolean {
    return (this.versions.get(pk) ?? []).some(({ image }) => image.h.size >= count);
  }
}
