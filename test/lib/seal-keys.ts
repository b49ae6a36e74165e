import { readFileSync } from 'node:fs'
import { TOP } from './command.ts'

/** What the stacks of Compose seal session records with. */
export const readSealKeys = (): string[] => readFileSync(`${TOP}.secrets/session-seal-keys`, 'utf8').trim().split('\n')
