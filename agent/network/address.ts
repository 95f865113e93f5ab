/** What an address says: which of them a box can be found at, and whether it still is the box's own. Looks at text only. */
import { BlockList, isIP, SocketAddress } from 'node:net';
import { hostAndPort } from './probe.ts';

const wildcards: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const addressLengthMax = 300;

/** Nobody can be dialled there: this network, multicast and broadcast; and links that need a zone, which only one box knows by its name. */
const nowhere = new BlockList();
nowhere.addSubnet('0.0.0.0', 8, 'ipv4');
nowhere.addSubnet('224.0.0.0', 3, 'ipv4');
nowhere.addAddress('::', 'ipv6');
nowhere.addSubnet('ff00::', 8, 'ipv6');
nowhere.addSubnet('fe80::', 10, 'ipv6');
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

const familyOf = (host: string): 'ipv4' | 'ipv6' | undefined => ({ 4: 'ipv4' as const, 6: 'ipv6' as const })[isIP(host)];

/** One text for each host: `::ffff:` in front of an IPv4 one is taken off, and the zone and zeros of an IPv6 one are left out. */
function plainHost(host: string): string {
  if (familyOf(host) !== 'ipv6') return host.toLowerCase();
  // A zone is cut off here: Node throws on one that stands after an address of full length.
  const { address } = new SocketAddress({ address: host.replace(/%.*$/s, ''), family: 'ipv6' });
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

function addressOf(host: string, port: number): string {
  const plain = plainHost(host);
  const protocol = { ipv4: 'ip4', ipv6: 'ip6', name: 'dns' }[familyOf(plain) ?? 'name'];
  return `/${protocol}/${plain}/tcp/${port}`;
}

/** Host and port in the one form that can be compared; undefined for what is no TCP address. */
export function plainAddress(address: string): string | undefined {
  const target = address.length > addressLengthMax ? undefined : hostAndPort(address);
  return target === undefined ? undefined : addressOf(target.host, target.port);
}

export function isLoopback(address: string): boolean {
  const host = plainHost(hostAndPort(address)?.host ?? '');
  const family = familyOf(host);
  return family !== undefined && loopback.check(host, family);
}

/** Whether its host is looked up anew at each dial. */
export function isName(address: string): boolean {
  const host = hostAndPort(address)?.host;
  return host !== undefined && familyOf(plainHost(host)) === undefined;
}

/** Whether two addresses have the same host, whatever their ports. */
export function isSameHost(one: string, other: string): boolean {
  const [a, b] = [hostAndPort(one)?.host, hostAndPort(other)?.host];
  return a !== undefined && b !== undefined && plainHost(a) === plainHost(b);
}

/** Whether a box that listens there, and has these hosts, is found at the address by which it is known. A name is believed. */
export function isStillOwn(known: string, listen: string, ownHosts: readonly string[]): boolean {
  const [target, heard] = [hostAndPort(known), hostAndPort(listen)];
  if (target === undefined || heard === undefined || target.port !== heard.port) return false;
  const host = plainHost(target.host);
  if (familyOf(host) === undefined) return true;
  const listened = plainHost(heard.host);
  return wildcards.has(listened) ? ownHosts.some((own) => plainHost(own) === host) : listened === host;
}

export interface Sighting {
  /** Where the box says that it listens; a wildcard stands for every host it has. */
  readonly listen: string;
  /** The far end of its connection, and whether we dialled that. */
  readonly remote: string;
  readonly dialled: boolean;
  /** The address by which it is known. */
  readonly known: string | undefined;
  /** Every other box is on the loopback interface: this one may be too. */
  readonly onLoopback: boolean;
}

/**
 * Where such a box can be dialled; undefined when that cannot be said. What was dialled was proven with its key. A known name stays, as
 * it is looked up anew each time: only its port follows, and of a box that was dialled that is the port that was, as a gate may forward it.
 */
export function whereFound({ listen, remote, dialled, known, onLoopback }: Sighting): string | undefined {
  const [heard, seen] = [hostAndPort(listen), hostAndPort(remote)];
  if (heard === undefined || seen === undefined || heard.port === 0) return undefined;
  const knownHost = known === undefined ? undefined : hostAndPort(known)?.host;
  if (known !== undefined && knownHost !== undefined && isName(known)) return addressOf(knownHost, dialled ? seen.port : heard.port);
  if (dialled) return usable(addressOf(seen.host, seen.port), onLoopback);
  const listened = plainHost(heard.host);
  const observed = plainHost(seen.host);
  // A socket on every IPv4 host does not hear what comes to an IPv6 one.
  if (listened === '0.0.0.0' && familyOf(observed) !== 'ipv4') return undefined;
  return usable(addressOf(wildcards.has(listened) ? observed : listened, heard.port), onLoopback);
}

function usable(address: string, onLoopback: boolean): string | undefined {
  const target = hostAndPort(address);
  const family = familyOf(target?.host ?? '');
  if (target === undefined || target.port === 0 || family === undefined || nowhere.check(target.host, family)) return undefined;
  return isLoopback(address) && !onLoopback ? undefined : address;
}
