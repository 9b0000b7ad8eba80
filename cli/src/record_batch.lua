-- Records a batch into one part of a scope, and saves the position after it: all that it writes is written at
-- once. Nothing is written unless the scope is the one that the load began with, and the position is where this
-- load has left it.
--
-- KEYS: the part, and the hash of its position, unless the position is not saved.
-- ARGV: the uid that the part must have; the number of records that its position must be after; the size of the
--   input and the time of its last change; the position after the batch: records, bytes and hash; the block of the
--   batch; the position before the batch, 'records:bytes:hash'; and for each record its number, the bytes and the hash
--   up to its end, the number of words that follow, and these: the arguments of SIM.RECORD after the scope, or the
--   error with which the record was refused before.
-- Returns a status (0: recorded; 1: another scope or none; 2: another position) and the outcome of each record: 1 if
--   it was recorded, 0 if it has no feature, or the error with which it was refused. There are fewer outcomes than
--   records if the server could not go on: then the position is after the last one that has an outcome.

local scope, position = KEYS[1], KEYS[2]
local uid, reached, size, modified, end_records, end_bytes, end_hash, block, begin = unpack(ARGV, 1, 9)

-- Phase 1: check. While chunks of the scope are on another node of a cluster, SIM.INFO replies TRYAGAIN.
local info = redis.pcall('SIM.INFO', scope)
if info and info.err then return info end
local found
for n = 1, info and #info or 0, 2 do
    if info[n] == 'uid' then found = info[n + 1] end
end
if found ~= uid then return {1, {}} end
if position and (redis.call('HGET', position, 'records') or '0') ~= reached then return {2, {}} end

-- Phase 2: write to the position, so that a server that refuses that does so before anything is recorded. The field
-- of a block has a position before its first refused record, and the number and hash of each of these records:
-- 'records:bytes:hash 7:0a1b 9:2c3d'.
local refused, refused_from = {}, nil
if position then
    redis.call('HSET', position, 'uid', uid, 'size', size, 'modified', modified)
    local old = redis.call('HGET', position, block)
    if old then
        refused_from = string.match(old, '^%S+')
        for number, hash in string.gmatch(old, ' (%d+):(%x+)') do refused[number] = hash end
        redis.call('HDEL', position, block)
    end
end

-- Phase 3: record. An error whose code is ERR is the record's own, except for that of a missing right. Any other,
-- such as OOM or TRYAGAIN, is the server's: this record and the ones after it are left for later.
local function is_server_error(err)
    return string.sub(err, 1, 4) ~= 'ERR ' or string.find(err, '^ERR ACL failure in script')
        or string.find(err, '^ERR The user executing the script')
end
local outcomes, stop = {}, nil
local last_records, last_bytes, last_hash
local n = 10
while n <= #ARGV do
    local number, bytes, hash, words = ARGV[n], ARGV[n + 1], ARGV[n + 2], tonumber(ARGV[n + 3])
    local reply
    if words == 1 then
        reply = {err = ARGV[n + 4]}
    else
        reply = redis.pcall('SIM.RECORD', scope, unpack(ARGV, n + 4, n + 3 + words))
    end
    if reply.err and is_server_error(reply.err) then
        stop = reply
        break
    end
    local outcome = reply.err or 0
    for _, counts in ipairs(reply) do
        if #counts > 0 then outcome = 1 end
    end
    outcomes[#outcomes + 1] = outcome
    refused[number] = reply.err and hash or nil
    last_records, last_bytes, last_hash = number, bytes, hash
    n = n + 4 + words
end

-- Phase 4: save the position, and what was refused.
if position then
    if stop then end_records, end_bytes, end_hash = last_records or reached, last_bytes, last_hash end
    if tonumber(end_records) > tonumber(reached) then
        redis.call('HSET', position, 'records', end_records, 'bytes', end_bytes, 'hash', end_hash)
    end
    local records = {refused_from or begin}
    for number, hash in pairs(refused) do records[#records + 1] = number .. ':' .. hash end
    if #records > 1 then redis.call('HSET', position, block, table.concat(records, ' ')) end
end
if stop and #outcomes == 0 then return stop end
return {0, outcomes}
