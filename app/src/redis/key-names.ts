export type KeyNames = ReturnType<typeof createKeyNames>

interface Place {
  /** KEY_PREFIX: the first part of every name. */
  prefix: string
  /** The number of the database that the keys lie in. */
  database: number
}

/**
 * All names that the application has in Redis. Two stacks in one Redis need a prefix or a database each: both are then part
 * of every name. Pub/sub knows no databases, so a channel carries the number itself, except for database 0.
 * https://redis.io/docs/latest/develop/pubsub/
 */
export function createKeyNames({ prefix, database }: Place) {
  const key = (name: string) => `${prefix}${name}`
  return {
    session: (name: string) => key(`session:${name}`),
    userSessions: (username: string) => key(`user-sessions:${username}`),
    /** Of the counts of failed logins; what is counted follows after a colon. */
    loginFailures: key('login-failures'),
    loginFailuresAddress: key('login-failures-address'),
    disabledUsers: key('disabled-users'),
    testAccount: (username: string) => key(`test-account:${username}`),
    /** `suffix` keeps apart the nodes of a stack that share no sessions. */
    nodes: (suffix = '') => key(`nodes${suffix}`),
    events: (suffix = '') => ({
      key: key(`events${suffix}`),
      channel: key(`events${suffix}`) + (database === 0 ? '' : `@${database}`),
    }),
  }
}
