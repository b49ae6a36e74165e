#!lua name=sessions_3ef695eb
-- What the nodes do in Redis in one step: nothing comes between the look and the write of a function. A Redis account that
-- may only call these (FCALL) can run no code of its own, so it cannot stop Redis by an endless script (EVAL).
-- https://redis.io/docs/latest/develop/programmability/functions-intro/
--
-- Loaded by an administrator: in Docker by app/redis/load, by hand with redis-cli -x FUNCTION LOAD < functions.lua, and by the
-- nodes themselves where their Redis user may. All names end with the first 8 digits of the SHA-256 of this text, in which
-- they are 00000000. So two versions can be loaded at once, and the nodes of a rolling update each call their own. A unit test
-- checks the digits and prints the right ones.
--
-- Redis refuses a function that has no flag when it is full (OOM). The flag allow-oom is for those that store nothing, or change
-- a few digits: inside such a function Redis refuses no command.
local version = '_3ef695eb'

local function register(name, flags, callback)
  redis.register_function({ function_name = name .. version, callback = callback, flags = flags })
end

-- Redis's clock, in milliseconds since 1970.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Without an exponent, which Lua writes for large numbers.
local function digits(number) return string.format('%.0f', number) end

local function is_wrong_type(reply) return type(reply) == 'table' and reply.err and string.find(reply.err, 'WRONGTYPE', 1, true) end

-- Whether this library is loaded.
register('ready', { 'no-writes', 'allow-oom' }, function() return 'OK' end)

-- Whether this server accepts writes. It has no flag no-writes, so Redis refuses it where it would refuse a write.
register('writable', { 'allow-oom' }, function() return 'OK' end)

-- Writes to the key what is there, so that a replica that confirms this write has all earlier ones. A key without an expiry is not
-- ours, and is left alone: 0. Nobody can see the empty value, which lives within this call.
register('settle', { 'allow-oom' }, function(keys)
  local ends = redis.call('PEXPIRETIME', keys[1])
  if ends == -1 then return 0 end
  if ends > 0 then return redis.call('PEXPIREAT', keys[1], digits(ends)) end
  redis.call('SET', keys[1], '', 'PX', 1000)
  return redis.call('DEL', keys[1])
end)

-- Lets the key live for ttlMs from now, by Redis's clock, but not past latestEndMs (since 1970). A key that was given so long a
-- life within the last renewMs is left as it is: another node has renewed it, and every write costs. False if the value has
-- changed or is gone. ARGV: value, ttlMs, renewMs, latestEndMs.
register('expire_if_unchanged', { 'allow-oom' }, function(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return false end
  local now = now_ms()
  local latest = tonumber(args[4])
  local ends = math.min(now + args[2], latest)
  local current = redis.call('PEXPIRETIME', keys[1])
  if ends - current < tonumber(args[3]) and ends ~= latest then return { now, current } end
  if ends ~= current then redis.call('PEXPIREAT', keys[1], digits(ends)) end
  return { now, ends }
end)

-- Puts another value in the place of this one. 0 if it has changed or is gone. ARGV: value, next value, ttlMs.
register('set_if_unchanged', {}, function(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 0 end
  redis.call('SET', keys[1], args[2], 'PX', args[3])
  return 1
end)

-- The same with the TTL that the key has, so a change of its data neither extends a session nor ends it. ARGV: value, next value.
register('update_if_unchanged', {}, function(keys, args)
  local isUnchanged = redis.call('GET', keys[1]) == args[1]
  if isUnchanged then redis.call('SET', keys[1], args[2], 'KEEPTTL') end
  return isUnchanged and 1 or 0
end)

-- Deletes a session, and returns its value. A pointer to the new token of a session is returned and stays: a logout that fails
-- later, and is repeated, follows it. Its JSON begins with the new name: app/src/sessions/session-record.ts
register('take_session', { 'allow-oom' }, function(keys)
  local value = redis.call('GET', keys[1])
  if value and string.sub(value, 1, 14) ~= '{"replacedBy":' then redis.call('DEL', keys[1]) end
  return value
end)

-- Adds an entry to a capped stream and publishes it, with its id in front. A key of another type gets no entry: the id is then
-- empty. ARGV: about how many entries the stream keeps, text, channel.
register('append_and_publish', {}, function(keys, args)
  local id = redis.pcall('XADD', keys[1], 'MAXLEN', '~', args[1], '*', 'event', args[2])
  local outcome = 'kept'
  if type(id) == 'table' then
    if not string.find(id.err, 'WRONGTYPE', 1, true) then return id end
    outcome = 'isForeign'
    id = ''
  end
  redis.call('PUBLISH', args[3], id .. ' ' .. args[2])
  return outcome
end)

-- Writes the heartbeat of a node into the hash of all nodes, with Redis's clock in front. Returns that time, whether the hash did
-- not contain the node, and all heartbeats. ARGV: node, JSON of an object.
register('beat', {}, function(keys, args)
  local now = now_ms()
  local json = '{"seenAt":' .. digits(now) .. ',' .. string.sub(args[2], 2)
  local added = redis.call('HSET', keys[1], args[1], json)
  return { now, added, redis.call('HGETALL', keys[1]) }
end)

-- Adds an entry to the index of a user's sessions, and drops those whose end has passed. Replaces a key of another type.
-- Returns the number of entries, and whether it replaced such a key. ARGV: name, end (ms since 1970), how long the index lasts
-- from now (ms).
register('add_to_index', {}, function(keys, args)
  local now = now_ms()
  local added = redis.pcall('ZADD', keys[1], args[2], args[1])
  local was_foreign = is_wrong_type(added)
  if was_foreign then
    redis.call('DEL', keys[1])
    added = redis.pcall('ZADD', keys[1], args[2], args[1])
  end
  if type(added) == 'table' then return added end
  redis.call('ZREMRANGEBYSCORE', keys[1], '-inf', digits(now))
  -- A session of before may live longer, if SESSION_ABSOLUTE_SECONDS has been lowered. Not for years: a wrong end may be infinite.
  local last = tonumber(redis.call('ZRANGE', keys[1], -1, -1, 'WITHSCORES')[2]) or 0
  if last > now + 31536000000 then last = 0 end
  redis.call('PEXPIREAT', keys[1], digits(math.max(now + args[3], last)))
  return { redis.call('ZCARD', keys[1]), was_foreign and 1 or 0 }
end)

-- The rest counts the logins of an account or an address: failures, logins (that succeeded), and checks (of passwords, not
-- finished). The text of the key has each count and its end, in milliseconds since 1970: FAILURES:END LOGINS:END CHECKS:END. How
-- many there may be, and how long each lasts, are the first arguments of all three functions: maxFailures, failuresMs,
-- maxLogins, loginsMs, checksMs.

-- The counts of a key that have not ended. A new count ends as late as it may, and so does one that would end later: otherwise
-- a wrong end would lock a user out for ever. Data of another program counts as nothing.
local function read_counts(key, args)
  local text = redis.pcall('GET', key)
  if type(text) == 'table' and not is_wrong_type(text) then error(text) end
  local counts = { now = now_ms(), ends_too_late = false }
  local function set(name, count, ends, lasts_ms)
    count, ends = tonumber(count) or 0, tonumber(ends) or 0
    local latest = counts.now + lasts_ms
    if ends <= counts.now then count = 0 end
    if ends > latest then counts.ends_too_late = true end
    counts[name], counts[name .. '_end'] = count, count > 0 and math.min(ends, latest) or latest
  end
  local f, f_end, l, l_end, c, c_end = string.match(tostring(text), '^(%d+):(%d+) (%d+):(%d+) (%d+):(%d+)$')
  set('failures', f, f_end, args[2])
  set('logins', l, l_end, args[4])
  set('checks', c, c_end, args[5])
  return counts
end

local function write_counts(key, counts)
  local last = 0
  for _, name in ipairs({ 'failures', 'logins', 'checks' }) do
    if counts[name] > 0 then last = math.max(last, counts[name .. '_end']) end
  end
  if last == 0 then return redis.call('DEL', key) end
  local text = string.format(
    '%d:%.0f %d:%.0f %d:%.0f',
    counts.failures, counts.failures_end, counts.logins, counts.logins_end, counts.checks, counts.checks_end
  )
  redis.call('SET', key, text, 'PXAT', digits(last))
end

-- Of which kind there are too many, and for how many seconds, at least 1. Nil if a password may be checked.
local function too_many(counts, args)
  for _, limit in ipairs({ { 'failures', args[1] }, { 'logins', args[3] } }) do
    local name, most = limit[1], tonumber(limit[2])
    if counts[name] >= most then return { name, math.ceil((counts[name .. '_end'] - counts.now) / 1000) } end
  end
end

-- Whether a password may be checked: { 'free', 0 }, or of which kind there are too many, and for how many seconds.
register('look_at_logins', { 'no-writes', 'allow-oom' }, function(keys, args)
  return too_many(read_counts(keys[1], args), args) or { 'free', 0 }
end)

-- Counts a check, unless failures and checks together, or logins and checks together, would exceed their limit: { 'begun', now },
-- or the same as above, or { 'busy', 0 } if the outcome of other checks decides.
register('begin_login', {}, function(keys, args)
  local counts = read_counts(keys[1], args)
  local refused = too_many(counts, args)
  if refused then
    if counts.ends_too_late then write_counts(keys[1], counts) end
    return refused
  end
  if counts.checks >= math.min(args[1] - counts.failures, args[3] - counts.logins) then return { 'busy', 0 } end
  counts.checks = counts.checks + 1
  -- Not later with each further check: one whose node has crashed would be counted for as long as others come.
  if counts.checks == 1 then counts.checks_end = counts.now + args[5] end
  write_counts(keys[1], counts)
  return { 'begun', counts.now }
end)

-- Ends a check, and counts its outcome in the same step. ARGV: after the limits, 'failed', 'succeeded', 'forgiven' (succeeded,
-- and deletes the failures) or 'abandoned'.
register('end_login', { 'allow-oom' }, function(keys, args)
  local counts, outcome = read_counts(keys[1], args), args[6]
  counts.checks = math.max(0, counts.checks - 1)
  if outcome == 'failed' then counts.failures = counts.failures + 1 end
  if outcome == 'succeeded' or outcome == 'forgiven' then counts.logins = counts.logins + 1 end
  if outcome == 'forgiven' then counts.failures = 0 end
  write_counts(keys[1], counts)
end)
