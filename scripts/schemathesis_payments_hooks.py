"""What the OpenAPI document can't say, for scripts/schemathesis payments."""

import hashlib
import hmac
import json
import os
import time
import uuid

import schemathesis

# Header and the environment's name of the secret, by path.
SIGNED = {
    "/paymentProviderCallback": ("Provider-Signature", "PAYMENTS_CALLBACK_SECRET"),
    "/inventoryEvents": ("Inventory-Signature", "PAYMENTS_INVENTORY_SECRET"),
}
# Requests that schemathesis makes without a key, or with a broken one, on purpose stay as they are.
PRINTABLE = set(map(chr, range(0x21, 0x7F))) - {'"', "\\"}


@schemathesis.auth()
class Key:
    def get(self, case, context):
        return os.environ["PAYMENTS_API_KEY"]

    def set(self, case, data, context):
        # Requests that are to go without a key, on purpose, stay as they are.
        phase = case.meta.phase.data if case.meta else None
        if (getattr(phase, "parameter", None) or "").lower() != "authorization":
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    # A key that was used for another request is refused, rightly: valid ones are made unique.
    # Long ones keep their length, which may be the longest that there is.
    if key and set(key) <= PRINTABLE and len(key) <= 255 and case.method == "POST":
        unique = str(uuid.uuid4())
        case.headers["Idempotency-Key"] = f"{key}-{unique}" if len(key) < 200 else key[: -len(unique)] + unique
    # A refund of an amount needs a key, a full one doesn't.
    if case.path.endswith("/refund") and not key:
        case.headers = {**(case.headers or {}), "Idempotency-Key": str(uuid.uuid4())}
    # Signed, so that what is behind the signature is met too; every second one. A signature that is missing, or too long, on
    # purpose stays as it is.
    if case.path in SIGNED and isinstance(case.body, dict) and uuid.uuid4().int % 2:
        header, secret = SIGNED[case.path]
        signature = (case.headers or {}).get(header)
        if not signature or len(signature) >= 200:
            return
        event = case.body.get("idempotent_key")
        # An event's key that was used for another event is refused, rightly.
        if isinstance(event, str) and 0 < len(event) < 200:
            case.body["idempotent_key"] = f"{event}-{uuid.uuid4()}"
        body = json.dumps(case.body).encode()
        now = str(int(time.time()))
        code = hmac.new(os.environ[secret].encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
        case.headers = {**(case.headers or {}), header: f"t={now},v1={code}"}
