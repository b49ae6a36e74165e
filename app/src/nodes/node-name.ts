import { promises as dns } from 'node:dns'
import { networkInterfaces } from 'node:os'

/** Docker's resolver inside every container on a user-defined network. */
const DOCKER_DNS = '127.0.0.11'

/**
 * The name of this node as `docker compose logs` prints it: app-1.
 *
 * A replica is not told its number, but Docker's DNS knows it: the address of a container resolves back to
 * `<project>-<service>-<number>.<network>`. `dns.reverse` would look into /etc/hosts first and find the container's id
 * there, so the PTR record is asked for by name. Elsewhere, and if nothing answers: the host name.
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

/** `shop-app-1.shop_data` is app-1 of the project shop; a name of another form is nobody's replica. */
export function replicaName(containerName: string): string | undefined {
  return /^[^.]+-([a-z0-9_]+-\d+)(?:\.|$)/.exec(containerName)?.[1]
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}
