/**
 * Where webhooks may lead: to the public internet, and on a developer's machine also to the machine itself. The address is
 * looked at where the connection is made, so that no name that resolves to something else a moment later leads inside.
 */
import { lookup as resolveName, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export type Reach = 'public' | 'public_and_loopback';

type Family = 'ipv4' | 'ipv6';
type Net = readonly [address: string, bits: number];

/** A list a family: one list for both would take every IPv4 address for one of the IPv6 range that maps them. */
function listOf(family: Family, nets: readonly Net[]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of nets) list.addSubnet(address, bits, family);
  return list;
}

const LOOPBACK: Record<Family, BlockList> = {
  ipv4: listOf('ipv4', [['127.0.0.0', 8]]),
  ipv6: listOf('ipv6', [['::1', 128]]),
};

/** Special-purpose ranges (IANA's registries for IPv4 and IPv6, after RFC 6890; read 2026-11-30). */
const INSIDE: Record<Family, BlockList> = {
  ipv4: listOf('ipv4', [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ]),
  // All but 2000::/3, and in it what stands for something else: IPv4 in other clothes, documentation.
  ipv6: listOf('ipv6', [
    ['::', 3],
    ['4000::', 2],
    ['8000::', 1],
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
  ]),
};

export function mayReach(address: string, reach: Reach): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (LOOPBACK[family].check(address, family)) return reach === 'public_and_loopback';
  return !INSIDE[family].check(address, family);
}

export class OutOfReach extends Error {
  override name = 'OutOfReach';

  constructor(host: string) {
    super(`${host} is no public address`);
  }
}

/** Resolves a name whose addresses may all be reached. Literal addresses never come here: see `mayReach`. */
export const lookupWithin =
  (reach: Reach): LookupFunction =>
  (host, { family, hints, all }, callback) => {
    const done = (failure: NodeJS.ErrnoException | null, addresses: LookupAddress[]): void => {
      const isWithin = addresses.every(({ address }) => mayReach(address, reach));
      // One inside is enough to be suspicious of the whole name.
      const error = failure ?? (isWithin ? null : new OutOfReach(host));
      if (error) callback(error, []);
      else if (all) callback(null, addresses);
      else callback(null, addresses[0]!.address, addresses[0]!.family);
    };
    resolveName(host, { family, hints, all: true }, done);
  };
