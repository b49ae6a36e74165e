-- The session of a token, for deploy/session. ARGV: prefix of the keys, the token's SHA-256, the token.
-- Returns 'found' with TTL and value, 'other' with the type of what is there instead, or 'none'.
for _, name in ipairs({ ARGV[3], ARGV[2] }) do
  local key = ARGV[1] .. 'session:' .. name
  -- In a cluster another primary has some keys: this one then replies with an error.
  local type = redis.pcall('TYPE', key).ok or 'none'
  if type == 'string' then return { 'found', redis.call('TTL', key), redis.call('GET', key) } end
  if type ~= 'none' then return { 'other', type, '' } end
end
return { 'none', '', '' }
