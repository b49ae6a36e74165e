-- One page of deploy/sessions: the cursor for the next page, then a line for each session.
local page = redis.call('SCAN', ARGV[1], 'MATCH', 'session:*', 'COUNT', 500)
local now = tonumber(redis.call('TIME')[1])
local lines = { page[1] }

-- Seconds since 1970 of an ISO 8601 time in UTC: the days before March 1st of the year, counted from year 0.
local function seconds(iso)
  local y, m, d, h, min, s = string.match(iso, '(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)')
  y, m = tonumber(y), tonumber(m)
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
  days = days + math.floor((153 * (m - 3) + 2) / 5) + d - 719469
  return ((days * 24 + h) * 60 + min) * 60 + s
end

for _, key in ipairs(page[2]) do
  local json = redis.call('GET', key)
  if json then
    local known, line = pcall(function()
      local session = cjson.decode(json)
      -- Not a session: what a replaced token leaves for a few seconds.
      if session.replacedBy then return nil end
      return table.concat({
        session.user.username,
        session.createdOn,
        now - seconds(session.createdAt),
        redis.call('TTL', key),
        string.sub(key, 9, 14) .. '...',
      }, '\t')
    end)
    if not known then line = '(unknown)\t-\t0\t0\t' .. string.sub(key, 9, 14) .. '...' end
    lines[#lines + 1] = line
  end
end
return lines
