"""What may wait for ever waits shortly: an answer that never comes cannot be judged."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    query = case.query if isinstance(case.query, dict) else {}
    if query.get("follow") in (True, "true"):
        query["follow"] = "false"
    if "wait" in query and str(query["wait"])[:1].isdigit():
        query["wait"] = "0.05"
    body = case.body if isinstance(case.body, dict) else {}
    for name in ("wait", "limit"):
        value = body.get(name)
        if value is True or (isinstance(value, (int, float)) and value > 0):
            body[name] = 0.05
        elif isinstance(value, str) and value[:1].isdigit():
            body[name] = "50ms"
