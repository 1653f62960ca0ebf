"""A model that does what it was told: the other side of the real agent clients, on loopback only.

    model.py PLAN.json REQUESTS.jsonl

The plan maps a marker in what the user said to steps: {"": [...], "SUB-1": [...]}; the last marker counts. A step is
{"tool": NAME, "input": {...}, "server": NAME?} or {"text": ...}; which one is next is told by how many results the conversation
holds. Whatever is asked goes into the second file, one line each. The first line printed is the port.
"""
import http.server
import itertools
import json
import sys

PLANS = json.load(open(sys.argv[1]))
LOG = open(sys.argv[2], "w")
NUMBERS = itertools.count()


def plan_for(first_words):
    for marker, plan in PLANS.items():
        if marker and marker in first_words:
            return plan
    return PLANS[""]


def step(first_words, results):
    plan = plan_for(first_words)
    return plan[results] if results < len(plan) else {"text": "done"}


def sse(events, named=True):
    lines = []
    for name, data in events:
        head = f"event: {name}\n" if named else ""
        lines.append(f"{head}data: {json.dumps(data) if not isinstance(data, str) else data}\n\n")
    return "".join(lines)


def turn(messages):
    """What a user said last that names a plan, and how many results came since: of one message both may be part."""
    named, results = "", 0
    for message in messages:
        content = message.get("content")
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or []:
            says = part.get("type") == "text" and message.get("role") == "user"
            if says and any(marker and marker in part["text"] for marker in PLANS):
                named, results = part["text"], 0
            results += part.get("type") == "tool_result"
    return named, results


def anthropic(body):
    messages = body.get("messages", [])
    now = step(*turn(messages)) if body.get("tools") else {"text": "a title"}
    message = {"id": f"msg_{next(NUMBERS)}", "type": "message", "role": "assistant", "model": body.get("model"), "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    if "tool" in now:
        block = {"type": "tool_use", "id": f"toolu_{next(NUMBERS)}", "name": now["tool"], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(now["input"])}
    else:
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": now["text"]}
    reason = "tool_use" if "tool" in now else "end_turn"
    events = [("message_start", {"message": message}), ("content_block_start", {"index": 0, "content_block": block}),
              ("content_block_delta", {"index": 0, "delta": delta}), ("content_block_stop", {"index": 0}),
              ("message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 1}}),
              ("message_stop", {})]
    return sse([(name, {"type": name, **data}) for name, data in events])


def responses(body):
    given = body.get("input", [])
    results = sum(1 for item in given if item.get("type", "").endswith("_call_output"))
    now = step(json.dumps(given[:4]), results)
    call = {"id": f"item_{results}", "call_id": f"call_{results}", "status": "completed"}
    if "custom" in now:
        item = {**call, "type": "custom_tool_call", "name": now["tool"], "input": now["custom"]}
    elif "tool" in now:
        item = {**call, "type": "function_call", "name": now["tool"], "arguments": json.dumps(now["input"])}
        # Codex knows an MCP server's tools by the server's name and their own.
        item.update({"namespace": now["server"]} if "server" in now else {})
    else:
        item = {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": now["text"]}]}
    usage = {"input_tokens": 1, "input_tokens_details": None, "output_tokens": 1, "output_tokens_details": None, "total_tokens": 2}
    events = [("response.created", {"response": {"id": "r"}}), ("response.output_item.done", {"item": item}),
              ("response.completed", {"response": {"id": "r", "usage": usage}})]
    return sse([(name, {"type": name, **data}) for name, data in events])


def gemini(body, streams):
    contents = body.get("contents", [])
    parts = [part for content in contents for part in content.get("parts", [])]
    results = sum(1 for part in parts if "functionResponse" in part)
    now = step(json.dumps(contents[:2]), results)
    part = {"functionCall": {"name": now["tool"], "args": now["input"]}} if "tool" in now else {"text": now["text"]}
    answer = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
              "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}}
    return sse([("", answer)], named=False) if streams else json.dumps(answer)


def chat(body):
    messages = body.get("messages", [])
    results = sum(1 for message in messages if message.get("role") == "tool")
    now = step(json.dumps(messages[:2]), results) if body.get("tools") else {"text": "a title"}
    delta = {"role": "assistant"}
    if "tool" in now:
        function = {"name": now["tool"], "arguments": json.dumps(now["input"])}
        delta["tool_calls"] = [{"index": 0, "id": f"call_{results}", "type": "function", "function": function}]
    else:
        delta["content"] = now["text"]
    reason = "tool_calls" if "tool" in now else "stop"
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": body.get("model")}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return sse([("", {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}),
                ("", {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}),
                ("", "[DONE]")], named=False)


class Model(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, text, kind="text/event-stream"):
        data = text.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_HEAD(self):
        self.answer("", "text/plain")

    def do_GET(self):
        self.answer("{}", "application/json")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        LOG.write(json.dumps({"path": self.path, "body": body}) + "\n")
        LOG.flush()
        path = self.path.split("?")[0]
        if path.endswith("/messages"):
            self.answer(anthropic(body))
        elif path.endswith("/responses"):
            self.answer(responses(body))
        elif path.endswith("/chat/completions"):
            self.answer(chat(body))
        elif "streamGenerateContent" in path:
            self.answer(gemini(body, True))
        elif "generateContent" in path:
            self.answer(gemini(body, False), "application/json")
        else:
            self.answer(json.dumps({"input_tokens": 1}), "application/json")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Model)
print(server.server_address[1], flush=True)
server.serve_forever()
