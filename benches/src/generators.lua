-- How a run of `wrk` went, as one line of JSON. Requests are its own.
done = function(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"micros":[%d,%d,%d,%d],"failed":%d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(75), latency:percentile(90), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
