import type { Browser } from 'playwright-core'

/** A stack with a page in front of three nodes, and its Redis. */
export interface PageStack {
  url: string
  /** A free port that the browser can reach, for a server of a test. Default: any. */
  frontPort?: number
  /** Runs a Redis command, to prepare a state. */
  redis(...words: string[]): Promise<string>
  /** The sealing keys of its records. Without keys, they are not sealed. */
  sealKeys?: readonly string[]
  pauseRedis(): Promise<void>
  resumeRedis(): Promise<void>
}

/** What the guarantees of the page need. */
export interface PageWorld {
  browser(): Browser
  stack(): PageStack
  /** A test that leaves no open page. */
  guarantee(name: string, fn: () => Promise<void>): void
}

export const NODES = ['app-1', 'app-2', 'app-3']
