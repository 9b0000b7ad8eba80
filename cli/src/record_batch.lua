-- Records a batch into one part of a scope, and saves the position after it: all that it writes is written at
-- once. Nothing is written unless the scope is the one that the load began with, and the position is where this
-- load has left it.
--
-- KEYS: the part; and unless the position is not saved, the hash of its position, and for SIM.ASSIGN the list of the
--   assignments that may not have been printed yet.
-- ARGV: the uid that the part must have; the number of records that its position must be after; the size of the
--   input and the time of its last change; the position after the batch: records, bytes and hash; the block of the
--   batch; the position before the batch, 'records:bytes:hash'; the command, SIM.RECORD or SIM.ASSIGN; and for each
--   record its number, the bytes and the hash up to its end, the number of words that follow, and these: the arguments
--   of the command after the scope, or the error with which the record was refused before.
-- Returns a status (0: recorded; 1: another scope or none; 2: another position) and the outcome of each record: 1 if
--   it was recorded, 0 if it has no feature, 2 if NX found its item, the reply of SIM.ASSIGN, or the error with which
--   it was refused. There are fewer outcomes than records if the server could not go on: then the position is after
--   the last one that has an outcome.

local scope, position, unprinted = KEYS[1], KEYS[2], KEYS[3]
local uid, reached, size, modified, end_records, end_bytes, end_hash, block, begin, command = unpack(ARGV, 1, 10)
local assigns = command == 'SIM.ASSIGN'

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
    -- The assignments of the batch before this one have been printed. Those of this one follow the uid.
    if assigns then
        redis.call('DEL', unprinted)
        redis.call('RPUSH', unprinted, uid)
    end
end

-- Phase 3: record. An error whose code is ERR is the record's own, except for that of a missing right. Any other,
-- such as OOM or TRYAGAIN, is the server's: this record and the ones after it are left for later.
local function is_server_error(err)
    return string.sub(err, 1, 4) ~= 'ERR ' or string.find(err, '^ERR ACL failure in script')
        or string.find(err, '^ERR The user executing the script')
end
-- Of several records of an item, only the first one replaces what the item had: the batch notes which items it has.
local replaced = {}
local function execute(first, last)
    local item = ARGV[first]
    if ARGV[first + 1] ~= 'REPLACE' then return redis.pcall(command, scope, unpack(ARGV, first, last)) end
    local after = replaced[item] and first + 2 or first + 1
    local reply = redis.pcall(command, scope, item, unpack(ARGV, after, last))
    replaced[item] = replaced[item] or not reply.err
    return reply
end
-- True if the item has an observation in an index that one of these words names.
local function is_known(first, last)
    local n = first + 2
    while n <= last do
        local word = ARGV[n]
        if word == 'TEXT' or word == 'FEATURES' or word == 'SIGNATURE' then
            local count = redis.pcall('SIM.COUNT', scope, ARGV[n + 1], 1, ARGV[first])
            if not count.err and count[1] > 0 then return true end
        end
        local words = {TIMESTAMP = 2, TEXT = 3, SKETCH = 3}
        n = n + (words[word] or 3 + ARGV[n + 2])
    end
    return false
end
-- NX replies with empty arrays, whether it has found the item or there is no feature.
local function outcome_of(reply, first, last)
    if assigns then return reply or 0 end
    for _, counts in ipairs(reply) do
        if #counts > 0 then return 1 end
    end
    return ARGV[first + 1] == 'NX' and is_known(first, last) and 2 or 0
end
local outcomes, stop = {}, nil
local last_records, last_bytes, last_hash
local n = 11
while n <= #ARGV do
    local number, bytes, hash, words = ARGV[n], ARGV[n + 1], ARGV[n + 2], tonumber(ARGV[n + 3])
    local reply
    if words == 1 then
        reply = {err = ARGV[n + 4]}
    else
        reply = execute(n + 4, n + 3 + words)
    end
    local err = reply and reply.err
    if err and is_server_error(err) then
        stop = reply
        break
    end
    local outcome = err or outcome_of(reply, n + 4, n + 3 + words)
    outcomes[#outcomes + 1] = outcome
    refused[number] = err and hash or nil
    if position and assigns and not err then
        local group, score, is_new = '', '', ''
        if reply then group, score, is_new = reply[1], reply[2] or '', reply[3] end
        redis.call('RPUSH', unprinted, number, ARGV[n + 4], group, score, is_new)
    end
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
