#!lua name=sessions_d016e7c6
-- What the nodes do in Redis in one step: nothing comes between the look and the write of a function. A Redis account that
-- may only call these (FCALL) can run no code of its own, so it cannot stop Redis by an endless script (EVAL).
-- https://redis.io/docs/latest/develop/programmability/functions-intro/
--
-- Loaded by an administrator: in Docker by app/redis/load, by hand with redis-cli -x FUNCTION LOAD < functions.lua, and by the
-- nodes themselves where their Redis user may. All names end with the first 8 digits of the SHA-256 of this text, in which
-- they are 00000000. So two versions can be loaded at once, and the nodes of a rolling update each call their own. A unit test
-- checks the digits and prints the right ones.
--
-- Redis refuses a function that has no flag when it is full (OOM). The flag allow-oom is for those that store nothing: inside
-- such a function Redis refuses no command.
local version = '_d016e7c6'

local function register(name, flags, callback)
  redis.register_function({ function_name = name .. version, callback = callback, flags = flags })
end

-- Whether this library is loaded.
register('ready', { 'no-writes', 'allow-oom' }, function() return 'OK' end)

-- Lets the key live for ttlMs from now, by Redis's clock, but not past latestEndMs (since 1970). A key that was given so long a
-- life within the last renewMs is left as it is: another node has renewed it, and every write costs. False if the value has
-- changed or is gone. ARGV: value, ttlMs, renewMs, latestEndMs.
register('expire_if_unchanged', { 'allow-oom' }, function(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return false end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local latest = tonumber(args[4])
  local ends = math.min(now + args[2], latest)
  local current = redis.call('PEXPIRETIME', keys[1])
  if ends - current < tonumber(args[3]) and ends ~= latest then return { now, current } end
  if ends ~= current then redis.call('PEXPIREAT', keys[1], string.format('%.0f', ends)) end
  return { now, ends }
end)

-- Puts another value in the place of this one. 0 if it has changed or is gone. ARGV: value, next value, ttlMs.
register('set_if_unchanged', {}, function(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 0 end
  redis.call('SET', keys[1], args[2], 'PX', args[3])
  return 1
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

-- The next two delete a key that holds data of another program. 1 if they did.
register('delete_unless_sorted_set', { 'allow-oom' }, function(keys)
  local size = redis.pcall('ZCARD', keys[1])
  if type(size) ~= 'table' then return 0 end
  if not string.find(size.err, 'WRONGTYPE', 1, true) then return size end
  return redis.call('DEL', keys[1])
end)

register('delete_unless_count', { 'allow-oom' }, function(keys)
  local count = redis.pcall('GET', keys[1])
  if type(count) == 'table' and not string.find(count.err, 'WRONGTYPE', 1, true) then return count end
  if not count or (type(count) == 'string' and string.find(count, '^%-?%d+$')) then return 0 end
  return redis.call('DEL', keys[1])
end)
