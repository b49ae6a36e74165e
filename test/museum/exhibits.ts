import { TOP } from '../support/command.ts'

const HERE = `${TOP}/test/museum`
/** What is installed and compiled. It is not part of the project. */
export const BUILT = `${HERE}/dist`

type Command = readonly [program: string, ...args: string[]]

/** An application of the museum. */
export interface Exhibit {
  name: string
  port: number
  folder: string
  /** Installs its packages. If one cannot be had, the exhibit is skipped and named. */
  prepare: readonly Command[]
  /** One replica, which gets PORT, NODE_NAME, REDIS_URL and DATABASE. */
  start: Command
  env?: Record<string, string>
}

const node = (name: string, port: number): Exhibit => ({
  ...{ name, port, folder: `${HERE}/${name}` },
  prepare: [['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']],
  start: ['node', 'server.mjs'],
})

const python = (name: string, port: number, start: string, setup: readonly Command[] = []): Exhibit => {
  const venv = `${BUILT}/${name}`
  return {
    ...{ name, port, folder: `${HERE}/${name}` },
    prepare: [
      ['python3', '-m', 'venv', venv],
      [`${venv}/bin/pip`, 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'],
      ...setup,
    ],
    start: [`${venv}/bin/gunicorn`, '--threads', '8', '--graceful-timeout', '5', '--log-level', 'error', start],
  }
}

export const EXHIBITS: readonly Exhibit[] = [
  node('express', 18501),
  node('fastify', 18502),
  python('flask', 18503, 'app:app'),
  python('django', 18504, 'app:application', [[`${BUILT}/django/bin/python`, 'app.py', 'setup']]),
  {
    ...{ name: 'scs', port: 18505, folder: `${HERE}/scs` },
    prepare: [['go', 'build', '-o', `${BUILT}/scs/server`, '.']],
    start: [`${BUILT}/scs/server`],
  },
  {
    ...{ name: 'this-project', port: 18506, folder: `${TOP}/app`, prepare: [] },
    start: ['node', 'dist/src/server.js'],
    env: { TRUST_PROXY_HOPS: '1', LOG_LEVEL: 'silent', LOGINS_PER_MINUTE: '100000' },
  },
]
