// Runs in the network of a browser: apart-doors.js FOLDER PORT... Each port of its loopback interface leads to the socket of
// that name in the folder. Files are the same in every network, so the test on the other side listens there. See apart.ts
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { passOn } from './pass-on.ts'

const [folder = '', ...ports] = process.argv.slice(2)
for (const port of ports) {
  const openDoor = (host: string) => passOn({ host, port: Number(port) }, () => connect(join(folder, port)))
  await openDoor('127.0.0.1')
  // A system without IPv6 has no such address.
  await openDoor('::1').catch(() => {})
}
// The test on the other side waits for this connection, and holds it as long as it needs the ports.
await once(connect(join(folder, 'open')), 'close')
process.exit()
