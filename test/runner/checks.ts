import { spawnSync } from 'node:child_process'

/** A check that is one command. It counts as one test. */
export interface Check {
  name: string
  command: readonly [string, ...string[]]
  /** The program without which it is skipped. */
  needs?: string
  /** Whether it takes long, and only uses the time of the processor that no test needs. */
  isPatient?: boolean
}

const BIN = 'test/node_modules/.bin'
const tsc = (project: string) => [`${BIN}/tsc`, '-p', project, '--noEmit'] as const
/** None of their names has a space. */
const SHELL_SCRIPTS =
  "deploy/*.sh nginx/*.sh test/*.sh $(grep -l '^#!/bin/sh' deploy/replication/*) $(grep -lr --exclude-dir=dist --exclude-dir=node_modules '^#!/usr/bin/env bash' deploy test loadtest .ci)"

/** Format, lint and types. They need no service. */
export const QUICK_CHECKS: readonly Check[] = [
  { name: 'format and lint', command: [`${BIN}/biome`, 'ci', '--error-on-warnings', '--colors=off'] },
  { name: 'types of the application', command: tsc('app') },
  { name: 'types of the page', command: tsc('app/tsconfig.page.json') },
  { name: 'types of the k6 scripts', command: tsc('loadtest') },
  { name: 'types of the prover', command: tsc('test/prove') },
  { name: 'types of the tests', command: tsc('test') },
  {
    name: 'shell scripts',
    command: ['bash', '-c', `shellcheck -x -P SCRIPTDIR ${SHELL_SCRIPTS}`],
    needs: 'shellcheck',
    isPatient: true,
  },
  { name: 'Dockerfiles', command: ['hadolint', 'app/Dockerfile', 'test/prove/Dockerfile'], needs: 'hadolint' },
  { name: 'Kubernetes manifests', command: ['test/checkov'], needs: 'checkov' },
]

const config = (...files: string[]): Check => ({
  name: `Compose files${files.map((file) => ` with ${file}`).join('')}`,
  command: [
    ...(['docker', 'compose', '--profile', '*'] as const),
    ...['docker-compose.yml', ...files].flatMap((file) => ['-f', file]),
    ...['config', '--quiet'],
  ],
  needs: 'docker compose',
})

/** They need the program `docker` with Compose, but no engine. */
export const COMPOSE_CHECKS: readonly Check[] = [
  config(),
  ...['deploy/compose.tls.yml', 'test/faults/compose.yml', 'test/bench/compose.yml'].map((file) => config(file)),
  ...['deploy/compose.sentinel.yml', 'deploy/compose.cluster.yml'].flatMap((file) => [
    config(file),
    config(file, 'deploy/compose.tls.yml'),
  ]),
]

/** Why the check cannot run on this machine, or undefined if it can. */
export function whySkipped({ needs }: Check): string | undefined {
  if (needs === undefined) return undefined
  const [program = '', ...words] = needs.split(' ')
  const { status } = spawnSync(program, words.length > 0 ? [...words, 'version'] : ['--version'], { stdio: 'ignore' })
  return status === 0 ? undefined : `there is no ${needs} here`
}
