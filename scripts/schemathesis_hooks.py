"""What the OpenAPI document can't say, for scripts/schemathesis."""

import hashlib
import hmac
import json
import os
import time
import uuid

import schemathesis

# Requests that schemathesis makes without a key, or with a broken one, on purpose stay as they are.
PRINTABLE = set(map(chr, range(0x21, 0x7F))) - {'"', "\\"}


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    # A key that was used for another request is refused, rightly: valid ones are made unique.
    if key and set(key) <= PRINTABLE and len(key) < 200 and case.method == "POST":
        case.headers["Idempotency-Key"] = f"{key}-{uuid.uuid4()}"
    # A refund of an amount needs a key, a full one doesn't.
    if case.path.endswith("/refund") and not key:
        case.headers = {**(case.headers or {}), "Idempotency-Key": str(uuid.uuid4())}
    # Signed, so that what is behind the signature is met too; every second one. A signature that is missing, or too long, on
    # purpose stays as it is.
    signature = (case.headers or {}).get("Provider-Signature")
    is_plain = bool(signature) and len(signature) < 200
    if case.path == "/paymentProviderCallback" and is_plain and isinstance(case.body, dict) and uuid.uuid4().int % 2:
        body = json.dumps(case.body).encode()
        now = str(int(time.time()))
        secret = os.environ["PAYMENTS_CALLBACK_SECRET"].encode()
        code = hmac.new(secret, now.encode() + b"." + body, hashlib.sha256).hexdigest()
        case.headers = {**(case.headers or {}), "Provider-Signature": f"t={now},v1={code}"}
