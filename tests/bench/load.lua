-- The requests of a wrk run. Arguments: the file of bodies, one a line.
-- Everything is built once: a script that formats per request costs the client a good part of a core,
-- which the server under test then lacks.

local requests = {}
local count = 0
local turn = 0

function init(args)
   local headers = { ["Content-Type"] = "application/json" }
   for body in io.lines(args[1]) do
      count = count + 1
      requests[count] = wrk.format("POST", "/logs", headers, body)
   end
end

function request()
   turn = turn % count + 1
   return requests[turn]
end

-- One line of JSON for the harness; latencies in milliseconds.
function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f}\n',
      summary.requests, summary.duration / 1e6, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
