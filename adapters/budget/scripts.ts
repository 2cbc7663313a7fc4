/**
 * The Redis side of a budget counter, one atomic script for each step. A counter has three keys: a hash with `settled`
 * and `held` in micro-USD and `calls`; a sorted set of holds, `<call id>:<amount>`, scored by when they lapse; and a
 * mark, which changes whenever the counter is thrown away, so that figures read before that are not put into it after.
 *
 * A counter without `settled` is unknown. Whoever meets one sets it anew from the ledger: `MARK`, read, `SEED`.
 */

const DROP = `
local function drop(hash, holds, mark, value, ttl)
  redis.call('DEL', hash, holds)
  redis.call('SET', mark, value, 'PX', ttl)
end`;

// KEYS: hash, holds, mark for each counter. ARGV: amount, call id, hold ms, ttl ms, a fresh mark, a ceiling for each.
// Answers {'ok', used1, calls1, used2, calls2}, {'missing', n} or {'exhausted', n, used}.
export const RESERVE = `${DROP}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local amount = tonumber(ARGV[1])
local counters = #KEYS / 3
local used = {}
for i = 1, counters do
  local hash, holds, mark = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  -- Whether a call whose hold has lapsed was made is not known here; the ledger knows.
  if redis.call('ZCOUNT', holds, '-inf', now) > 0 then drop(hash, holds, mark, ARGV[5], ARGV[4]) end
  local sums = redis.call('HMGET', hash, 'settled', 'held')
  if not sums[1] then return {'missing', i} end
  used[i] = tonumber(sums[1]) + tonumber(sums[2] or 0)
end
for i = 1, counters do
  if used[i] + amount > tonumber(ARGV[5 + i]) then return {'exhausted', i, used[i]} end
end
local answer = {'ok'}
for i = 1, counters do
  local hash, holds, mark = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  redis.call('HINCRBY', hash, 'held', ARGV[1])
  redis.call('ZADD', holds, now + tonumber(ARGV[3]), ARGV[2] .. ':' .. ARGV[1])
  answer[#answer + 1] = used[i] + amount
  answer[#answer + 1] = redis.call('HINCRBY', hash, 'calls', 1)
  for _, key in ipairs({hash, holds, mark}) do redis.call('PEXPIRE', key, ARGV[4]) end
end
return answer`;

// For a hold that the ledger has: sees that every counter has it too, and room for it. A counter that lost it was set
// anew, from figures without it, or with others that were granted before the loss and are confirmed here as well; who
// comes to a full counter gives way. KEYS as above. ARGV: amount, call id, hold ms, a ceiling for each counter.
// Answers {'ok'}, {'missing', n} or {'exhausted', n, used}.
export const ENSURE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local amount = tonumber(ARGV[1])
local member = ARGV[2] .. ':' .. ARGV[1]
local lost = {}
for i = 1, #KEYS / 3 do
  local hash, holds = KEYS[3 * i - 2], KEYS[3 * i - 1]
  local sums = redis.call('HMGET', hash, 'settled', 'held')
  if not sums[1] then return {'missing', i} end
  local others = tonumber(sums[1]) + tonumber(sums[2] or 0)
  if redis.call('ZSCORE', holds, member) then others = others - amount else lost[#lost + 1] = i end
  if others + amount > tonumber(ARGV[3 + i]) then return {'exhausted', i, others} end
end
for _, i in ipairs(lost) do
  redis.call('HINCRBY', KEYS[3 * i - 2], 'held', ARGV[1])
  redis.call('ZADD', KEYS[3 * i - 1], now + tonumber(ARGV[3]), member)
end
return {'ok'}`;

// KEYS as above. ARGV: held amount, call id, actual amount, ttl ms, a fresh mark. Answers the use of each counter, -1
// for one that does not have the hold: it was set anew since, with or without this call, and is thrown away.
export const SETTLE = `${DROP}
local answer = {}
for i = 1, #KEYS / 3 do
  local hash, holds, mark = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  if redis.call('ZREM', holds, ARGV[2] .. ':' .. ARGV[1]) == 1 and redis.call('HEXISTS', hash, 'settled') == 1 then
    answer[i] = redis.call('HINCRBY', hash, 'held', '-' .. ARGV[1])
      + redis.call('HINCRBY', hash, 'settled', ARGV[3])
    redis.call('PEXPIRE', hash, ARGV[4])
  else
    drop(hash, holds, mark, ARGV[5], ARGV[4])
    answer[i] = -1
  end
end
return answer`;

// KEYS: mark. ARGV: a fresh mark, ttl ms. Answers the mark that stands.
export const MARK = `
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX')
return redis.call('GET', KEYS[1])`;

// KEYS: hash, holds, mark. ARGV: the mark that stood before the ledger was read, settled, calls, ttl ms, then a member
// and its remaining ms for each hold. Does nothing when the mark has changed or somebody was faster.
export const SEED = `
if redis.call('GET', KEYS[3]) ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'settled') == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = 0
redis.call('DEL', KEYS[1], KEYS[2])
for i = 5, #ARGV, 2 do
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[i + 1]), ARGV[i])
  held = held + tonumber(string.match(ARGV[i], '%d+$'))
end
redis.call('HSET', KEYS[1], 'settled', ARGV[2], 'held', held, 'calls', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1`;
