-- One request after another over a list of people; how it went, as one line of JSON.
local requests, next_one = {}, 0

init = function(args)
  local method, path, token, form, file, from, count =
    args[1], args[2], args[3], args[4], args[5], tonumber(args[6]), tonumber(args[7])
  local headers = { authorization = token, ["content-type"] = "application/json" }
  local place = 0
  for person in io.lines(file) do
    place = place + 1
    if place > from + count then break end
    if place > from then
      local body = method == "POST" and (string.gsub(form, "{person}", person)) or nil
      requests[#requests + 1] = wrk.format(method, path, headers, body)
    end
  end
end

request = function()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

done = function(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
