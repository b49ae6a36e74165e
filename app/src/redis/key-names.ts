export type KeyNames = ReturnType<typeof createKeyNames>

/**
 * All names of the application in Redis. Two stacks in one Redis need different prefixes or databases. Pub/sub ignores
 * databases, so the name of a channel contains the number of the database, except for 0. `prefix` is KEY_PREFIX.
 * https://redis.io/docs/latest/develop/pubsub/
 */
export function createKeyNames({ prefix, database }: { prefix: string; database: number }) {
  const key = (name: string) => `${prefix}${name}`
  return {
    session: (name: string) => key(`session:${name}`),
    userSessions: (username: string) => key(`user-sessions:${username}`),
    /** `hash`: of the account and the address whose logins are counted. */
    loginsOfAccount: (hash: string) => key(`login-counts:${hash}`),
    loginsOfAddress: (hash: string) => key(`login-counts-address:${hash}`),
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
