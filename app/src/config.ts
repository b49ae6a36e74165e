import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { z } from 'zod'
import { faultOfRedisUrl } from './redis/redis-url.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const seconds = (least: number) => z.coerce.number().int().min(least).max(31_536_000)

/** With half a kilobyte each and what a Map takes, well under ten megabytes of a node's memory. */
const MOST_CACHED_SESSIONS = 10_000

/** Every variable that the application reads, with its default. The README's table is checked against it. */
export const environment = z.object({
  PORT: port.default(3000),
  LISTEN_HOST: z.string().min(1).default('127.0.0.1'),
  PUBLIC_HOST: z
    .string()
    .regex(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)$/, 'is not the name of a host, or its address')
    .optional(),
  NODE_NAME: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/, 'is not a host name')
    .optional(),
  NODES: z.coerce.number().int().min(1).max(64).default(3),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  TRUST_PROXY_HOPS: z.coerce.number().int().min(0).max(8).default(0),
  DRAIN_SECONDS: seconds(1).default(8),
  REDIS_URL: z
    .string()
    .superRefine((url, { addIssue }) => {
      const fault = faultOfRedisUrl(url)
      if (fault !== undefined) addIssue(fault)
    })
    .default('redis://localhost:6379'),
  REDIS_PASSWORD_FILE: z.string().min(1).optional(),
  KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9:._-]{1,64}$/, 'is not a prefix of letters, digits, : . _ and -, at most 64')
    .optional(),
  REDIS_DEADLINE_MS: z.coerce.number().int().min(10).max(60_000).default(500),
  SESSION_STORE: z.enum(['redis', 'memory']).default('redis'),
  SESSION_COOKIE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'is not a cookie name of letters, digits, _ and -')
    .default('sid'),
  SESSION_TTL_SECONDS: seconds(1).default(3600),
  SESSION_ABSOLUTE_SECONDS: seconds(1).default(43_200),
  SESSION_RENEW_SECONDS: seconds(0).default(5),
  SESSION_ROTATE: seconds(0).default(900),
  SESSION_ROTATE_GRACE: seconds(1).default(10),
  SESSION_MAX: z.coerce.number().int().min(1).max(1000).default(10),
  SESSION_FRESH_SECONDS: seconds(1).default(600),
  SESSION_CACHE: z.enum(['on', 'off']).default('off'),
  SESSION_KEY: z.enum(['plain', 'hashed']).default('plain'),
  SESSION_SEAL_KEY_FILE: z.string().min(1).optional(),
  LOGIN_FAILURES: z.coerce.number().int().min(1).default(5),
  LOGIN_FAILURES_ADDRESS: z.coerce.number().int().min(1).default(100),
  LOGIN_FAILURES_SECONDS: seconds(1).default(900),
  LOGINS_PER_MINUTE: z.coerce.number().int().min(1).default(120),
  LOGINS_PER_MINUTE_ADDRESS: z.coerce.number().int().min(1).default(600),
  LOGIN_HASHES: z.coerce.number().int().min(1).max(64).default(1),
  DEMO_USERS: z.enum(['on', 'off']).default('on'),
})

/** A value in the environment that cannot be used. Its message names the variable and never repeats a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * Reads and checks the environment once, at start. This is the only place that looks at it.
 * @throws {ConfigError} naming every variable that is wrong
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>) {
  // An empty value means "not set": that is how Compose passes on a variable that the user left out.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(given)
  if (!parsed.success) {
    const reasons = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new ConfigError(`Bad configuration. ${reasons.join('; ')}`)
  }
  const value = parsed.data
  return Object.freeze({
    host: value.LISTEN_HOST,
    port: value.PORT,
    publicHost: value.PUBLIC_HOST,
    nodeName: value.NODE_NAME,
    hostName: hostname(),
    /** The nodes of a run without Docker, named as Compose names its replicas. */
    nodeNames: Array.from({ length: value.NODES }, (_, index) => `app-${index + 1}`),
    logLevel: value.LOG_LEVEL,
    trustProxyHops: value.TRUST_PROXY_HOPS,
    drainSeconds: value.DRAIN_SECONDS,
    redisIsConfigured: given.REDIS_URL !== undefined,
    redis: Object.freeze({
      url: value.REDIS_URL,
      password:
        value.REDIS_PASSWORD_FILE === undefined
          ? undefined
          : readSecret('REDIS_PASSWORD_FILE', value.REDIS_PASSWORD_FILE),
      keyPrefix: value.KEY_PREFIX ?? '',
      deadlineMs: value.REDIS_DEADLINE_MS,
      cacheEntries: value.SESSION_CACHE === 'on' ? MOST_CACHED_SESSIONS : 0,
    }),
    sessionStore: value.SESSION_STORE,
    cookieName: value.SESSION_COOKIE,
    session: Object.freeze({
      ttlSeconds: value.SESSION_TTL_SECONDS,
      absoluteSeconds: value.SESSION_ABSOLUTE_SECONDS,
      renewSeconds: value.SESSION_RENEW_SECONDS,
      rotateSeconds: value.SESSION_ROTATE,
      // No longer than the rotation itself: otherwise one old token would lead to the next, and that to the next.
      rotateGraceSeconds: Math.min(value.SESSION_ROTATE_GRACE, value.SESSION_ROTATE || Number.POSITIVE_INFINITY),
      maxPerUser: value.SESSION_MAX,
      freshSeconds: value.SESSION_FRESH_SECONDS,
      keyForm: value.SESSION_KEY,
      sealKeys: value.SESSION_SEAL_KEY_FILE === undefined ? [] : readSealKeys(value.SESSION_SEAL_KEY_FILE),
    }),
    throttle: Object.freeze({
      maxFailures: value.LOGIN_FAILURES,
      maxFailuresPerAddress: value.LOGIN_FAILURES_ADDRESS,
      windowSeconds: value.LOGIN_FAILURES_SECONDS,
      maxLoginsPerMinute: value.LOGINS_PER_MINUTE,
      maxLoginsPerMinuteAndAddress: value.LOGINS_PER_MINUTE_ADDRESS,
    }),
    hashesAtOnce: value.LOGIN_HASHES,
    demoUsers: value.DEMO_USERS === 'on',
  })
}

export type Config = ReturnType<typeof readConfig>

/** One key a line. */
function readSealKeys(path: string): readonly string[] {
  const keys = readSecret('SESSION_SEAL_KEY_FILE', path).split(/\s*\n\s*/)
  // 32 hexadecimal digits are 128 bits.
  if (keys.some((key) => key.length < 32))
    throw new ConfigError(`Bad configuration. SESSION_SEAL_KEY_FILE: ${path} has a key shorter than 32 characters`)
  return keys
}

function readSecret(variable: string, path: string): string {
  let secret: string
  try {
    secret = readFileSync(path, 'utf8').trim()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unreadable'
    throw new ConfigError(`Bad configuration. ${variable}: cannot read ${path} (${code})`)
  }
  if (secret === '') throw new ConfigError(`Bad configuration. ${variable}: ${path} is empty`)
  return secret
}
