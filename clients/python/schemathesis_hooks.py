"""What the tester needs to know of this API: its tokens, and lines of JSON."""

import json

import schemathesis

CITIZEN = "demo-person-1971101731218"
OPERATOR = "demo-org-justice"


@schemathesis.auth()
class Tokens:
    """Citizens have tokens of their own."""

    def get(self, case, context):
        return CITIZEN if "/v1/me" in case.operation.path else OPERATOR

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    """What is described as text goes out as it is."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")
