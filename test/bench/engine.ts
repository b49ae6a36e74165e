import { request } from 'node:http'
import { succeed } from '../support/command.ts'

/** What a Docker engine on this machine counts. */
export async function openEngine() {
  const socket = await socketOfEngine()
  return {
    /** The processor time of a container so far, in microseconds, from the engine, which reads either cgroup version. */
    async cpuMicros(container: string): Promise<number> {
      const stats = await ask(socket, `/containers/${container}/stats?stream=false&one-shot=true`)
      return stats.cpu_stats.cpu_usage.total_usage / 1000
    },
  }
}

async function socketOfEngine(): Promise<string> {
  const host =
    process.env.DOCKER_HOST ||
    (await succeed('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])).trim()
  const socket = /^unix:\/\/(.+)$/.exec(host)?.[1]
  if (socket === undefined) throw new Error(`make bench needs an engine on this machine, not ${host}`)
  return socket
}

/** docker stats rounds to a hundredth of a percent; the API behind it does not. https://docs.docker.com/reference/api/engine/ */
function ask(socketPath: string, path: string): Promise<{ cpu_stats: { cpu_usage: { total_usage: number } } }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers: { Host: 'engine' } }, async (res) => {
      let body = ''
      for await (const piece of res.setEncoding('utf8')) body += piece
      if (res.statusCode === 200) resolve(JSON.parse(body))
      else reject(new Error(`the engine returned ${res.statusCode} for ${path}: ${body}`))
    })
    asked.on('error', reject)
    asked.end()
  })
}
