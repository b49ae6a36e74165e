-- One page of deploy/sessions: the cursor for the next page, then a line for each session. ARGV: cursor, prefix of the keys.
local start = ARGV[2] .. 'session:'
local pattern = string.gsub(start, '[%*%?%[%]%^\\]', '\\%0') .. '*'
local page = redis.call('SCAN', ARGV[1], 'MATCH', pattern, 'COUNT', 500)
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

-- A value may hold anything, and a line must stay a line.
local function printable(text) return (string.gsub(text, '%c', '?')) end

for _, key in ipairs(page[2]) do
  local hint = printable(string.sub(key, #start + 1, #start + 6)) .. '...'
  local type = redis.call('TYPE', key).ok
  local known, line = pcall(function()
    local session = cjson.decode(redis.call('GET', key))
    -- Not a session: what a replaced token leaves for a few seconds.
    if session.replacedBy then return nil end
    return table.concat({
      printable(session.user.username),
      printable(session.createdOn),
      now - seconds(session.createdAt),
      redis.call('TTL', key),
      hint,
    }, '\t')
  end)
  if not known then line = '(unknown)\t-\t0\t' .. redis.call('TTL', key) .. '\t' .. hint end
  -- 'none': it expired after SCAN had found it.
  if type ~= 'none' then lines[#lines + 1] = line end
end
return lines
