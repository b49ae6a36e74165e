import { mkdir, writeFile } from 'node:fs/promises'
import { until } from '../support/until.ts'
import { startContainer } from './containers.ts'
import { BUILT } from './exhibits.ts'

export interface Replica {
  port: number
  /** Gets no new request. */
  isLeaving: boolean
}

interface Parts {
  name: string
  port: number
  replicas: readonly Replica[]
  controlsPort: number
  /** Binds each browser to a replica, with a cookie of nginx. */
  isSticky: boolean
}

/** The nginx of this project with a plain configuration. A reload takes over what has changed in `replicas`. */
export async function startBalancer({ name, port, ...parts }: Parts) {
  const folder = `${BUILT}/nginx-${name}`
  const url = `http://127.0.0.1:${port}/configuration`
  let version = 0

  async function write(): Promise<void> {
    version++
    await writeFile(`${folder}/nginx.conf`, configuration({ port, version, ...parts }))
  }

  /** Waits until nginx accepts connections with this configuration. The workers before it finish their requests. */
  const inUse = () =>
    until(`nginx of ${name} uses its configuration`, async () => {
      const answer = await fetch(url, { headers: { connection: 'close' } }).catch(() => undefined)
      return (await answer?.text()) === `${version}`
    })

  await mkdir(folder, { recursive: true })
  await write()
  const run = ['nginx', '-c', `${folder}/nginx.conf`, '-g', 'daemon off;']
  const nginx = await startContainer({ name: `${name}-nginx`, service: 'nginx', folder, run })
  await inUse()
  return {
    async reload() {
      await write()
      await nginx.signal('HUP')
      await inUse()
    },
    remove: nginx.remove,
  }
}

type Given = Omit<Parts, 'name'> & { version: number }

// One worker: each worker has a turn of its own. https://nginx.org/en/docs/http/ngx_http_upstream_module.html#sticky
const configuration = ({ port, version, replicas, controlsPort, isSticky }: Given) => `
worker_processes 1;
pid /tmp/nginx.pid;
events {}
http {
  access_log off;
  upstream app {
    zone app 64k;
${replicas.map((one) => `    server 127.0.0.1:${one.port}${one.isLeaving ? ' down' : ''};`).join('\n')}
    ${isSticky ? 'sticky cookie route path=/;' : ''}
  }
  server {
    listen 127.0.0.1:${port};
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    location / { proxy_pass http://app; }
    location /-/ { proxy_pass http://127.0.0.1:${controlsPort}; }
    location = /configuration { return 200 ${version}; }
  }
}
`
