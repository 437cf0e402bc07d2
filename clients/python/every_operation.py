"""Calls every operation of the API through the generated client."""

import importlib
import io
import json
import pathlib
import pkgutil
import sys
from datetime import date

import prefill_client.api
from prefill_client import AuthenticatedClient, Client
from prefill_client.models import (
    PrefillRequest,
    PutMandate,
    PutPreference,
    PutValue,
    ReuseConsentRequest,
)
from prefill_client.types import File

URL = sys.argv[1]
DESCRIBED = json.loads(pathlib.Path(sys.argv[2]).read_text())
PERSON = "1974030542023"

anybody = Client(base_url=URL)
citizen = AuthenticatedClient(base_url=URL, token=f"demo-person-{PERSON}")
called = set()


def operator(organisation):
    return AuthenticatedClient(base_url=URL, token=f"demo-org-{organisation}")


def call(group, operation, client, expected=200, **arguments):
    """What the operation answers, read by the client."""
    module = importlib.import_module(f"prefill_client.api.{group}.{operation}")
    answer = module.sync_detailed(client=client, **arguments)
    assert answer.status_code == expected, (operation, answer)
    called.add(operation)
    return answer.parsed if answer.parsed is not None else answer.content


def asked(procedure):
    return PrefillRequest.from_dict(
        {
            "procedure": procedure,
            "subjects": {"applicant": PERSON},
            "presence": f"demo-person-{PERSON}",
        }
    )


bundle = call("bundles", "prefill", operator("justice"), body=asked("criminal-record-extract"))
assert bundle.fields["familyName"].value, bundle
assert bundle.sources["rnpp"].outcome == "answered", bundle

lines = b"".join(json.dumps(asked("criminal-record-extract").to_dict()).encode() + b"\n" for _ in range(3))
answers = call("bundles", "prefill_batch", operator("justice"), body=File(payload=io.BytesIO(lines)))
answers = answers if isinstance(answers, str) else answers.decode()
assert sorted(json.loads(line)["index"] for line in answers.splitlines()) == [0, 1, 2]

explained = call("bundles", "prefill_explain", operator("justice"), body=asked("criminal-record-extract"))
assert any(field.name == "familyName" for field in explained.fields), explained

consents = call("citizen", "consents", citizen)
version = consents.consent_version
refused = call("citizen", "put_preference", citizen, register="snca", body=PutPreference(allow=False))
assert refused.consent_version == version + 1, refused
withdrawn = call("citizen", "put_mandate", citizen, body=PutMandate(company="B523212", allow=False))
assert [(it.company, it.allow) for it in withdrawn.mandates] == [("B523212", False)], withdrawn
call("citizen", "put_mandate", citizen, body=PutMandate(company="B523212", allow=True))
firm = call("citizen", "data", citizen, company="B523212")
assert firm.fields["legalName"].value, firm
other = PutMandate(person="2003110472254", allow=False)
withdrawn = call("citizen", "put_mandate", citizen, company="B523212", body=other)
assert [it.person for it in withdrawn.mandates] == [other.person], withdrawn
assert call("citizen", "consents", citizen, company="B523212").mandates == withdrawn.mandates
given = call(
    "citizen",
    "consent_to_reuse",
    citizen,
    expected=201,
    body=ReuseConsentRequest(
        organisation="housing-ministry",
        case="2026-0001",
        procedure="housing-aid",
        fields=["familyName"],
        expires="2028-12-31",
    ),
)
receipt = call("citizen", "consent_receipt", citizen, id=given.id)
assert receipt.record_id == str(given.id), receipt
call("citizen", "withdraw_consent", citizen, expected=204, id=given.id)
accesses = call("citizen", "accesses", citizen, limit=10, from_=date(2026, 1, 1))
assert any(usage.disclosure == str(bundle.disclosure) for usage in accesses.usages), accesses
kept = call("citizen", "put_data", citizen, attribute="mobile", body=PutValue(value="+352 621 123 456"))
assert kept.attribute == "mobile", kept
assert call("citizen", "data", citizen).fields["mobile"].value == kept.value
held = call("citizen", "export", citizen)
assert held, held
call("citizen", "delete_data", citizen, expected=204, attribute="mobile")

page = call("catalogue", "procedures", anybody, limit=3)
assert len(page.procedures) == 3 and page.next_, page
assert call("catalogue", "procedure", anybody, id="housing-aid").fields
assert call("catalogue", "registers", anybody).registers
assert call("catalogue", "organisations", anybody).organisations
assert call("catalogue", "ledger_head", anybody).sequence > 0
call("catalogue", "openapi", anybody)
call("catalogue", "docs", anybody)
health = call("operation", "healthz", anybody)
assert health.status == "ok" and health.now.year >= 2026, health
assert call("operation", "readyz", anybody).status == "ready"
assert call("operation", "status", anybody), "no status"
call("operation", "metrics", anybody)

generated = {
    operation.name
    for group in pkgutil.iter_modules(prefill_client.api.__path__)
    for operation in pkgutil.iter_modules([str(pathlib.Path(prefill_client.api.__path__[0]) / group.name)])
}
assert len(generated) == len(DESCRIBED["operations"]), (generated, DESCRIBED)
assert generated == called, f"never called: {generated - called}"
print(f"Python: {len(called)} operations called")
