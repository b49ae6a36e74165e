import { readFileSync } from 'node:fs'
import { TOP } from './command.ts'

/** The sealing keys of the Compose stacks. */
export const readSealKeys = (): string[] => readFileSync(`${TOP}.secrets/session-seal-keys`, 'utf8').trim().split('\n')
