-- The same form as the engine's, without a ledger: who asks and for whom is checked,
-- the four registers are asked at once where the cache has no answer, and what a
-- citizen refuses is withheld.
local cjson = require("cjson")
local M = { refused = {} }

local OPERATOR, FORM = "Bearer demo-org-snca", "peers"

local REGISTERS = {
  { name = "snca", elements = "holders", about = "holder",
    ask = '{"fields":["plate","make","model","firstRegistration","vin","inspectionValidUntil"],"holders":["%s"]}' },
  { name = "driving", elements = "licences", about = "matricule",
    ask = '{"type":"QueryByMatricule","fields":["matricule","licence.number","licence.categories","licence.issued","licence.expires"],"matricule":["%s"]}' },
  { name = "adem", elements = "jobseekers", about = "jobseeker",
    ask = '{"fields":["registered","registeredSince","agency","lastOccupation"],"jobseekers":["%s"]}' },
  { name = "cae", elements = "beneficiaries", about = "beneficiary",
    ask = '{"fields":["beneficiaryChildren","childCount","monthlyAmountCents","paidSince"],"beneficiaries":["%s"]}' },
}

local function at(value, ...)
  for _, member in ipairs({ ... }) do
    if type(value) ~= "table" then return nil end
    value = value[member]
  end
  if value == cjson.null then return nil end
  return value
end

local function each(list, member)
  if list == nil or #list == 0 then return nil end
  local all = {}
  for place, element in ipairs(list) do all[place] = element[member] end
  return all
end

local FIELDS = {
  { "plate", 1, function(it) return at(it, "vehicle", "plate") end },
  { "make", 1, function(it) return at(it, "vehicle", "make") end },
  { "model", 1, function(it) return at(it, "vehicle", "model") end },
  { "firstRegistration", 1, function(it) return at(it, "vehicle", "firstRegistration") end },
  { "licenceNumber", 2, function(it) return at(it, "licence", "number") end },
  { "categories", 2, function(it) return each(at(it, "licence", "categories"), "code") end },
  { "issuedOn", 2, function(it) return at(it, "licence", "issued", "date") end },
  { "expiresOn", 2, function(it) return at(it, "licence", "expires", "date") end },
  { "registered", 3, function(it) return at(it, "registration", "active") end },
  { "registeredSince", 3, function(it) return at(it, "registration", "since") end },
  { "agency", 3, function(it) return at(it, "registration", "agency") end },
  { "lastOccupation", 3, function(it) return at(it, "lastOccupation", "code") end },
  { "beneficiaryChildren", 4, function(it) return each(at(it, "allowance", "children"), "matricule") end },
  { "childCount", 4, function(it) return at(it, "allowance", "childCount") end },
  { "monthlyAmountCents", 4, function(it) return at(it, "allowance", "monthly", "cents") end },
  { "paidSince", 4, function(it) return at(it, "allowance", "paidSince") end },
}

function M.load(file)
  for line in io.lines(file) do
    local person, register = line:match("^(%S+) (%S+)$")
    M.refused[person] = M.refused[person] or {}
    M.refused[person][register] = true
  end
end

local function refuse(status)
  ngx.status = status
  return ngx.exit(status)
end

-- What one register said about the person: the answer about somebody else is none.
local function read(register, response, person)
  if response.status ~= 200 then return nil, "error" end
  local ok, answer = pcall(cjson.decode, response.body)
  if not ok then return nil, "invalid" end
  for _, element in ipairs(answer[register.elements]) do
    if element[register.about] == person then return element, "answered" end
  end
  return nil, "notFound"
end

function M.answer()
  if ngx.var.http_authorization ~= OPERATOR then return refuse(401) end
  ngx.req.read_body()
  local ok, asked = pcall(cjson.decode, ngx.req.get_body_data() or "")
  if not ok or asked.procedure ~= FORM then return refuse(400) end
  local person = at(asked, "subjects", "applicant")
  if asked.presence ~= "demo-person-" .. tostring(person) then return refuse(403) end

  local refused = M.refused[person] or {}
  local calls, places = {}, {}
  for place, register in ipairs(REGISTERS) do
    if not refused[register.name] then
      calls[#calls + 1] = { "/ask/" .. register.name, {
        method = ngx.HTTP_POST, args = "key=" .. person, body = register.ask:format(person) } }
      places[#places + 1] = place
    end
  end
  local responses = { ngx.location.capture_multi(calls) }
  local elements, sources = {}, {}
  for index, response in ipairs(responses) do
    local place = places[index]
    local element, outcome = read(REGISTERS[place], response, person)
    elements[place] = element
    sources[REGISTERS[place].name] = { outcome = outcome }
  end

  local fields, complete = {}, true
  for _, field in ipairs(FIELDS) do
    local name, place, value_of = field[1], field[2], field[3]
    local source = REGISTERS[place].name
    local value = value_of(elements[place])
    if refused[source] then
      fields[name] = { status = "withheld", source = source, reason = "preference" }
      complete = false
    elseif value ~= nil then
      fields[name] = { status = "filled", value = value, source = source,
        lastUpdated = at(elements[place], "lastUpdated"), ageSeconds = 60 }
    elseif sources[source].outcome == "answered" or sources[source].outcome == "notFound" then
      fields[name] = { status = "empty", source = source }
    else
      fields[name] = { status = "unavailable", source = source, reason = "error" }
      complete = false
    end
  end
  ngx.header["Cache-Control"] = "no-store"
  ngx.print(cjson.encode({
    disclosure = ngx.var.request_id, procedure = { id = FORM, version = 1 }, complete = complete,
    fields = fields, sources = sources, notices = setmetatable({}, cjson.empty_array_mt) }))
end

return M
