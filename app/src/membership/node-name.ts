import { promises as dns } from 'node:dns'
import { networkInterfaces } from 'node:os'

/** Docker's resolver inside every container on a user-defined network. */
const DOCKER_DNS = '127.0.0.11'

/**
 * Returns the name of this node as `docker compose logs` prints it: app-1. Without Docker, or without an answer of its DNS,
 * returns the host name.
 *
 * Only Docker's DNS knows the number of a replica: the address of a container resolves to
 * `<project>-<service>-<number>.<network>`. `dns.reverse` would read /etc/hosts first, which has the id of the container. So
 * this queries the PTR record.
 */
export async function findNodeName({ configured, hostName }: { configured: string | undefined; hostName: string }) {
  if (configured !== undefined) return configured
  if (!dns.getServers().includes(DOCKER_DNS)) return hostName
  const resolver = new dns.Resolver({ timeout: 500, tries: 3 })
  resolver.setServers([DOCKER_DNS])
  for (const address of ownAddresses()) {
    const names = await resolver.resolvePtr(`${address.split('.').reverse().join('.')}.in-addr.arpa`).catch(() => [])
    for (const name of names) {
      const replica = replicaName(name)
      if (replica !== undefined) return replica
    }
  }
  return hostName
}

/** `shop-app-1.shop_data` is app-1 of the project shop. Returns undefined for a name of another form. */
export function replicaName(containerName: string): string | undefined {
  return /^[^.]+-([a-z0-9_]+-\d+)(?:\.|$)/.exec(containerName)?.[1]
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}
