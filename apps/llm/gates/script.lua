-- One turn of a gate; machine.py says the same in Python, with the reasons.
-- KEYS: gate (hash), held (ticket -> until), line (ticket -> number), due (ticket -> until).
-- ARGV[1] names the turn, ARGV[2] holds its arguments as JSON.
local GATE, HELD, LINE, DUE = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local turn, args = ARGV[1], cjson.decode(ARGV[2])

local clock = redis.call('TIME')
local now = math.max(clock[1] + clock[2] / 1000000, tonumber(redis.call('HGET', GATE, 'at')) or 0)
local function text(number) return string.format('%.6f', number) end

redis.call('ZREMRANGEBYSCORE', HELD, '-inf', text(now))
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', text(now))) do
  redis.call('ZREM', LINE, gone)
  redis.call('ZREM', DUE, gone)
end

local open_until = tonumber(redis.call('HGET', GATE, 'open_until')) or 0
local probe = redis.call('HGET', GATE, 'probe') or ''

local function out_of_line(ticket)
  redis.call('ZREM', LINE, ticket)
  redis.call('ZREM', DUE, ticket)
end

local function set(...) redis.call('HSET', GATE, ...) end

local function recent()
  local slot, calls, failed = math.floor(now / args.slot_s), 0, 0
  local oldest = slot - args.window_s / args.slot_s
  local fields = redis.call('HGETALL', GATE)
  for i = 1, #fields, 2 do
    local kind, of = string.match(fields[i], '^([cf]):(%d+)$')
    if kind and tonumber(of) <= oldest then
      redis.call('HDEL', GATE, fields[i])
    elseif kind == 'c' then
      calls = calls + fields[i + 1]
    elseif kind == 'f' then
      failed = failed + fields[i + 1]
    end
  end
  return slot, calls, failed
end

local function forget_counts()
  for _, field in ipairs(redis.call('HKEYS', GATE)) do
    if string.match(field, '^[cf]:%d+$') then redis.call('HDEL', GATE, field) end
  end
end

local function reset()
  forget_counts()
  redis.call('HDEL', GATE, 'open_until', 'times', 'reason', 'probe')
end

local function enter()
  local ticket, qps, places = args.ticket, args.qps, args.places
  local tokens = tonumber(redis.call('HGET', GATE, 'tokens'))
  if tokens == nil or qps == 0 then
    tokens = args.burst
  else
    tokens = math.min(args.burst, tokens + (now - redis.call('HGET', GATE, 'at')) * qps)
  end
  set('tokens', text(tokens), 'at', text(now))
  if open_until > now then
    out_of_line(ticket)
    return {'breaker', text(open_until - now), 0}
  end
  if open_until > 0 and probe ~= ticket and redis.call('ZSCORE', HELD, probe) then
    out_of_line(ticket)
    return {'breaker', text(args.probed_s), 0}
  end
  local rank = redis.call('ZRANK', LINE, ticket) or redis.call('ZCARD', LINE)
  local rate_s, place_s = 0, 0
  if qps > 0 and rank >= math.floor(tokens + 0.000001) then
    rate_s = math.max((rank + 1 - tokens) / qps, 0.001)
  end
  local free = places - redis.call('ZCARD', HELD)
  if places > 0 and rank >= free then
    place_s = math.min(args.look_s * (rank - free + 1), args.latest_look_s)
  end
  if rate_s == 0 and place_s == 0 then
    out_of_line(ticket)
    redis.call('ZADD', HELD, text(now + args.lease), ticket)
    if qps > 0 then set('tokens', text(tokens - 1)) end
    if open_until > 0 then set('probe', ticket) end
    return {'', '0', 0}
  end
  local reason, seconds = 'in_flight', place_s
  if rate_s >= place_s then reason, seconds = 'qps', rate_s end
  if reason == 'qps' and seconds > args.patience then
    out_of_line(ticket)
    return {reason, text(seconds), 0}
  end
  if not redis.call('ZSCORE', LINE, ticket) then
    redis.call('ZADD', LINE, redis.call('HINCRBY', GATE, 'number', 1), ticket)
  end
  redis.call('ZADD', DUE, text(now + seconds + args.grace), ticket)
  return {reason, text(seconds), 1}
end

local function leave()
  redis.call('ZREM', HELD, args.ticket)
  out_of_line(args.ticket)
  local probed = args.ticket ~= '' and probe == args.ticket
  if probed then redis.call('HDEL', GATE, 'probe') end
  if args.weight == '' or (open_until > 0 and not probed) then return 0 end
  local failed = args.weight ~= 'ok'
  if open_until > 0 and not failed then
    reset()
    return 0
  end
  local opens = open_until > 0 or args.weight == 'broken'
  if not opens then
    local slot, calls, failures = recent()
    redis.call('HINCRBY', GATE, 'c:' .. slot, 1)
    if failed then redis.call('HINCRBY', GATE, 'f:' .. slot, 1) end
    calls, failures = calls + 1, failures + (failed and 1 or 0)
    opens = calls >= args.least_calls and failures >= calls * args.failed_share
  end
  if not opens then return 0 end
  local times = redis.call('HINCRBY', GATE, 'times', 1)
  local pause = math.min(args.pause_s * 2 ^ math.min(times - 1, 10), args.longest_pause_s)
  forget_counts()
  set('open_until', text(now + pause), 'reason', args.outcome)
  return times == 1 and 1 or 0
end

local function renew()
  local lost = {}
  for ticket, adopt in pairs(args.tickets) do
    if adopt or redis.call('ZSCORE', HELD, ticket) then
      redis.call('ZADD', HELD, text(now + args.lease), ticket)
    else
      lost[#lost + 1] = ticket
    end
  end
  return lost
end

local function look()
  local _, calls, failed = recent()
  local state = 'closed'
  if open_until > 0 then state = open_until > now and 'open' or 'half_open' end
  return {
    redis.call('ZCARD', HELD), redis.call('ZCARD', LINE), state,
    text(math.max(open_until - now, 0)), calls, failed, redis.call('HGET', GATE, 'reason') or ''
  }
end

local answer
if turn == 'enter' then answer = enter()
elseif turn == 'leave' then answer = leave()
elseif turn == 'renew' then answer = renew()
elseif turn == 'look' then answer = look()
else answer = reset() end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, args.keep_s) end
return answer
