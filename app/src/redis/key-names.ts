export type KeyNames = ReturnType<typeof createKeyNames>

interface Place {
  /** KEY_PREFIX, the first part of every name. */
  prefix: string
  /** The number of the database that the keys lie in. */
  database: number
}

/**
 * All names of the application in Redis. Two stacks in one Redis need different prefixes or databases. Pub/sub ignores
 * databases, so the name of a channel contains the number, except for database 0.
 * https://redis.io/docs/latest/develop/pubsub/
 */
export function createKeyNames({ prefix, database }: Place) {
  const key = (name: string) => `${prefix}${name}`
  return {
    session: (name: string) => key(`session:${name}`),
    userSessions: (username: string) => key(`user-sessions:${username}`),
    /** Prefixes of the counts of logins. A colon and the hash of what is counted follow. */
    loginCounts: (suffix: '' | '-address') => ({
      failures: key(`login-failures${suffix}`),
      checks: key(`login-checks${suffix}`),
      logins: key(`logins${suffix}`),
    }),
    disabledUsers: key('disabled-users'),
    testAccount: (username: string) => key(`test-account:${username}`),
    /** `suffix` separates the nodes with SESSION_STORE=memory from the others. */
    nodes: (suffix = '') => key(`nodes${suffix}`),
    events: (suffix = '') => ({
      key: key(`events${suffix}`),
      channel: key(`events${suffix}`) + (database === 0 ? '' : `@${database}`),
    }),
  }
}
