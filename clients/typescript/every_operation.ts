// Calls every operation of the API through the generated types: what compiles here
// is described, and what it answers is of the described kind.

import { strict as assert } from "node:assert";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./prefill.js";

const [baseUrl = "", described = "0"] = process.argv.slice(2);
const person = "1974030542023";
const called = new Set<string>();

// Notes the operation of each call by method and path as described.
const note: Middleware = {
  onRequest({ request, schemaPath }) {
    called.add(`${request.method} ${schemaPath}`);
  },
};

function client(token?: string) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const made = createClient<paths>({ baseUrl, headers });
  made.use(note);
  return made;
}

/** The body of an answer that must be a success. */
function ok<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  assert.ok(answer.response.ok, JSON.stringify(answer.error));
  return answer.data as T;
}

const anybody = client();
const citizen = client(`demo-person-${person}`);
const operator = client("demo-org-justice");

const body: components["schemas"]["PrefillRequest"] = {
  procedure: "criminal-record-extract",
  subjects: { applicant: person },
  presence: `demo-person-${person}`,
};
const bundle = ok(await operator.POST("/v1/prefill", { body }));
const name = bundle.fields["familyName"];
assert.ok(name?.status === "filled" && name.source === "rnpp");
const explained = ok(await operator.POST("/v1/prefill/explain", { body }));
assert.ok(explained.fields.some((field) => field.name === "familyName"));
const lines = [body, body].map((line) => JSON.stringify(line)).join("\n");
const answers = ok(
  await operator.POST("/v1/prefill/batch", {
    body: lines,
    bodySerializer: (text) => text as string,
    headers: { "content-type": "application/x-ndjson" },
    parseAs: "text",
  }),
);
assert.equal(answers.trim().split("\n").length, 2);

const before = ok(await citizen.GET("/v1/me/consents"));
const refused = ok(
  await citizen.PUT("/v1/me/consents/preferences/{register}", {
    params: { path: { register: "cadastre" } },
    body: { allow: false },
  }),
);
assert.equal(refused.consentVersion, before.consentVersion + 1);
for (const allow of [false, true]) {
  const said = ok(
    await citizen.PUT("/v1/me/consents/mandates", { body: { company: "B523212", allow } }),
  );
  assert.equal(said.mandates[0]?.allow, allow);
}
const firm = { params: { query: { company: "B523212" } } };
assert.equal(ok(await citizen.GET("/v1/me/data", firm)).fields["legalName"]?.status, "filled");
const without = ok(
  await citizen.PUT("/v1/me/consents/mandates", {
    ...firm,
    body: { person: "2003110472254", allow: false },
  }),
);
assert.equal(without.mandates[0]?.person, "2003110472254");
const given = ok(
  await citizen.POST("/v1/me/consents/reuse", {
    body: {
      organisation: "housing-ministry",
      case: "2026-0002",
      procedure: "housing-aid",
      fields: ["familyName"],
      expires: "2028-12-31",
    },
  }),
);
const path = { id: given.id };
const receipt = ok(await citizen.GET("/v1/me/consents/reuse/{id}/receipt", { params: { path } }));
assert.equal(receipt.record_id, given.id);
ok(await citizen.DELETE("/v1/me/consents/reuse/{id}", { params: { path } }));
const accesses = ok(await citizen.GET("/v1/me/accesses", { params: { query: { limit: 10 } } }));
assert.ok(accesses.usages.some((usage) => usage.disclosure === bundle.disclosure));
const own = { params: { path: { attribute: "mobile" } } };
const kept = ok(
  await citizen.PUT("/v1/me/data/{attribute}", { ...own, body: { value: "+352 621 123 456" } }),
);
const data = ok(await citizen.GET("/v1/me/data"));
const mobile = data.fields["mobile"];
assert.ok(mobile?.status === "filled" && mobile.value === kept.value);
const held = ok(await citizen.GET("/v1/me/export"));
assert.ok(JSON.stringify(held).includes(kept.value));
ok(await citizen.DELETE("/v1/me/data/{attribute}", own));

const page = ok(await anybody.GET("/v1/procedures", { params: { query: { limit: 3 } } }));
assert.equal(page.procedures.length, 3);
const id = "housing-aid";
assert.ok(ok(await anybody.GET("/v1/procedures/{id}", { params: { path: { id } } })).fields.length);
assert.ok(ok(await anybody.GET("/v1/registers")).registers.length);
assert.ok(ok(await anybody.GET("/v1/organisations")).organisations.length);
assert.ok(ok(await anybody.GET("/v1/ledger/head")).sequence > 0);
ok(await anybody.GET("/openapi.json"));
ok(await anybody.GET("/docs", { parseAs: "text" }));
const health = ok(await anybody.GET("/healthz"));
assert.equal(health.status, "ok");
assert.ok(Date.parse(health.now) > 0);
assert.equal(ok(await anybody.GET("/readyz")).status, "ready");
ok(await anybody.GET("/status"));
ok(await anybody.GET("/metrics", { parseAs: "text" }));

assert.equal(called.size, Number(described), [...called].join("\n"));
console.log(`TypeScript: ${called.size} operations called`);
