"""What the OpenAPI document can't say, for scripts/schemathesis dashboard."""

import base64
import json
import os

import schemathesis
from schemathesis.generation import GenerationMode

# Bytes of UTF-8, where a schema counts characters.
MAX_BYTES = {"queue": 128, "type": 128, "effect": 128, "schedule": 128, "limit": 64, "ofLimit": 64, "name": 64, "key": 128, "why": 1000, "error": 1000}

# Of a limit's rate, whatever its period is.
MAX_PER_SECOND = 10_000


# Each request asks anew: who sends it depends on what it is.
@schemathesis.auth(refresh_interval=None)
class People:
    """Who acts is ann; ben only looks."""

    def get(self, case, context):
        name = "ann" if case.method == "POST" else "ben"
        return base64.b64encode(f"{name}:{os.environ['DASHBOARD_PASSWORD']}".encode()).decode()

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Basic {data}"}


def cut(values):
    for name, most in MAX_BYTES.items():
        if isinstance(values.get(name), str):
            values[name] = values[name].encode()[:most].decode(errors="ignore")


@schemathesis.hook
def before_call(context, case, kwargs):
    # What is wrong on purpose stays so.
    if case.meta and case.meta.generation.mode == GenerationMode.NEGATIVE:
        return
    query = case.query
    if query and case.path == "/tasks":
        # Conditions that no task can meet together are refused, rightly.
        if "key" in query and "ofLimit" not in query:
            query.pop("key")
        if query.get("state") == "done":
            for name in ("error", "ofLimit", "key"):
                query.pop(name, None)
        if "reason" in query and query.get("state", "dead") != "dead":
            query.pop("reason")
        if query.get("reason") and query.get("state", "dead") == "dead":
            query["state"] = "dead"
        # A place is the list's own.
        if "after" in query:
            query["after"] = f"i.{len(query['after'])}"
    if query:
        cut(query)
    body = case.body
    if case.method == "POST" and isinstance(body, dict):
        cut(body)
        if body.get("verb") == "schedule_backfill":
            # One moment, and the next one.
            body["from"], body["to"] = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
        if "rate" in body:
            body["rate"] = min(body["rate"], MAX_PER_SECOND * body["periodSeconds"])
        if body.get("verb") == "resolve_effect" and isinstance(body.get("value"), str):
            body["value"] = json.dumps(body["value"])
