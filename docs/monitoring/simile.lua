-- The metrics of Simile, for redis_exporter: redis_exporter --script simile.lua
--
-- Returns names and values in turn, as redis_exporter expects. It reads the section `simile` of INFO and, for the scopes
-- that are listed here, SIM.INFO: microseconds at each scrape, and no key is written.

-- The scopes whose indexes are reported one by one: {'errors', 'docs'}. One that does not exist is left out.
local scopes = {}

local metrics = {}

local function add(name, value)
    metrics[#metrics + 1] = name
    metrics[#metrics + 1] = tostring(value)
end

-- A name as part of a metric's name: what Prometheus could not take, and the separator, becomes %XX.
local function escaped(name)
    return (name:gsub('[^%w_.{}-]', function(byte) return string.format('%%%02X', byte:byte()) end))
end

-- A map of a reply, which is a flat array here.
local function fields(reply)
    local map = {}
    for at = 1, #reply, 2 do map[reply[at]] = reply[at + 1] end
    return map
end

-- The whole server: all numbers of the section, and the version as MODULE LIST shows it (1.2.3 is 10203).
for name, value in redis.call('INFO', 'simile'):gmatch('(simile_[%w_]+):([^\r\n]*)') do
    local major, minor, patch = value:match('^(%d+)%.(%d+)%.(%d+)')
    if name == 'simile_version' and major then
        add(name, major * 10000 + minor * 100 + patch)
    elseif tonumber(value) then
        add(name, value)
    end
end

-- The indexes of the scopes above. In a cluster, a scope that is on another node is an error, and left out.
for _, scope in ipairs(scopes) do
    local info = redis.pcall('SIM.INFO', scope)
    if info and not info.err then
        for _, index in ipairs(fields(info).indexes) do
            for field, value in pairs(fields(index[2])) do
                add('simile_index_' .. field .. ':' .. escaped(scope) .. ':' .. escaped(index[1]), value)
            end
        end
    end
end

return metrics
