import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { faultOfServers, readAddresses } from './redis-servers.ts'
import { faultOfRedisUrl } from './redis-url.ts'

const integer = (min: number, max: number = Number.MAX_SAFE_INTEGER) => z.coerce.number().int().min(min).max(max)
const seconds = (min: number) => integer(min, 31_536_000)
const text = (pattern: RegExp, message: string) => z.string().regex(pattern, message)
const path = z.string().min(1).optional()
const word = z.string().min(1).optional()
const addresses = z
  .string()
  .transform((list, { addIssue }) => {
    const read = readAddresses(list)
    if (read === undefined) addIssue('is not a list of host:port, separated by commas')
    return read ?? []
  })
  .optional()

/** Every variable that the application reads, with its default. A test compares them with the README's table. */
export const environment = z.object({
  PORT: integer(0, 65_535).default(3000),
  LISTEN_HOST: z.string().min(1).default('127.0.0.1'),
  PUBLIC_HOST: text(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)$/, 'is not a host name or an IP address').optional(),
  NODE_NAME: text(/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/, 'is not a host name').optional(),
  NODES: integer(1, 64).default(3),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  TRUST_PROXY_HOPS: integer(0, 8).default(0),
  DRAIN_SECONDS: seconds(1).default(8),
  REDIS_URL: z
    .string()
    .superRefine((url, { addIssue }) => {
      const fault = faultOfRedisUrl(url)
      if (fault !== undefined) addIssue(fault)
    })
    .default('redis://localhost:6379'),
  REDIS_SENTINELS: addresses,
  REDIS_PRIMARY: text(/^[A-Za-z0-9._-]{1,64}$/, 'is not a name of letters, digits, . _ and -').optional(),
  REDIS_CLUSTER: addresses,
  REDIS_USERNAME: word,
  REDIS_PASSWORD: word,
  REDIS_PASSWORD_FILE: path,
  REDIS_SENTINEL_USERNAME: word,
  REDIS_SENTINEL_PASSWORD: word,
  REDIS_SENTINEL_PASSWORD_FILE: path,
  REDIS_TLS: z.enum(['on', 'off']).default('off'),
  REDIS_CA_FILE: path,
  KEY_PREFIX: text(/^[A-Za-z0-9:._-]{1,64}$/, 'is not a prefix of at most 64 letters, digits, : . _ and -').optional(),
  REDIS_DEADLINE_MS: integer(10, 60_000).default(500),
  REDIS_WAIT_SECONDS: seconds(0).default(0),
  SESSION_REPLICAS: integer(0, 16).optional(),
  SESSION_STORE: z.enum(['redis', 'memory']).default('redis'),
  SESSION_COOKIE: text(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'is not a cookie name of letters, digits, _ and -').default(
    'sid',
  ),
  SESSION_TTL_SECONDS: seconds(1).default(3600),
  SESSION_ABSOLUTE_SECONDS: seconds(1).default(43_200),
  SESSION_RENEW_SECONDS: seconds(0).default(5),
  SESSION_ROTATE: seconds(0).default(900),
  SESSION_ROTATE_GRACE: seconds(1).default(10),
  SESSION_MAX: integer(1, 1000).default(10),
  SESSION_FRESH_SECONDS: seconds(1).default(600),
  SESSION_CACHE: z.enum(['on', 'off']).default('off'),
  SESSION_KEY: z.enum(['plain', 'hashed']).default('plain'),
  SESSION_SEAL_KEY_FILE: path,
  LOGIN_FAILURES: integer(1).default(5),
  LOGIN_FAILURES_ADDRESS: integer(1).default(100),
  LOGIN_FAILURES_SECONDS: seconds(1).default(900),
  LOGINS_PER_MINUTE: integer(1).default(120),
  LOGINS_PER_MINUTE_ADDRESS: integer(1).default(600),
  LOGIN_HASHES: integer(1, 64).default(1),
  DEMO_USERS: z.enum(['on', 'off']).default('on'),
})

/** A program cannot start. The message is one line: what failed, and what to do. */
export class StartError extends Error {
  override readonly name: string = 'StartError'
}

/** An invalid value in the environment. The message names the variable and never contains a secret. */
export class ConfigError extends StartError {
  override readonly name = 'ConfigError'
}

type Variables = Readonly<Record<string, string | undefined>>

/**
 * Checks the variables, and adds defaults. `isRedisNamed`: the variables say which Redis to use.
 * @throws {ConfigError} that names every invalid variable
 */
export function parseEnvironment(variables: Variables): z.output<typeof environment> & { isRedisNamed: boolean } {
  // An empty value means "not set": Compose sets a variable to it if the user has not set one.
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(given)
  const fault = faultOfServers(given)
  if (parsed.success && fault === undefined) return { ...parsed.data, isRedisNamed: isRedisNamed(given) }
  const reasons = (parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new ConfigError(`Invalid configuration. ${[...reasons, ...(fault === undefined ? [] : [fault])].join('; ')}`)
}

const isRedisNamed = ({ REDIS_URL, REDIS_SENTINELS, REDIS_CLUSTER }: Variables) =>
  [REDIS_URL, REDIS_SENTINELS, REDIS_CLUSTER].some((value) => value !== undefined)

/** Reads the file of SESSION_SEAL_KEY_FILE, which has one key a line. Without a file there is no key. */
export function readSealKeys(path: string | undefined): readonly string[] {
  const keys = readSecret('SESSION_SEAL_KEY_FILE', path)?.split(/\s*\n\s*/) ?? []
  // 32 hexadecimal digits are 128 bits.
  if (keys.some((key) => key.length < 32))
    throw new ConfigError(`Invalid configuration. SESSION_SEAL_KEY_FILE: ${path} has a key shorter than 32 characters`)
  return keys
}

export function readSecret(variable: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  let secret: string
  try {
    secret = readFileSync(path, 'utf8').trim()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unreadable'
    throw new ConfigError(`Invalid configuration. ${variable}: cannot read ${path} (${code})`)
  }
  if (secret === '') throw new ConfigError(`Invalid configuration. ${variable}: ${path} is empty`)
  return secret
}
