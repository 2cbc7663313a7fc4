"""An agent in plain Python that asks no model: it repeats the question. The cost attestation sees through it."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Parrot(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, body, content_type="application/json", status=200):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/healthz":
            self.reply('{"status": "ok"}')
        else:
            self.reply('{"detail": "Not Found"}', status=404)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        answer = f"You asked: {request['prompt']}"
        result = {"status": "completed", "output": {"answer": answer}, "citations": [], "metadata": {}}
        if self.path == "/v1/agent/infer":
            self.reply(json.dumps(result))
        elif self.path == "/v1/agent/infer/stream":
            lines = [{"event": "delta", "text": answer}, {"event": "done", **result}]
            self.reply("".join(json.dumps(line) + "\n" for line in lines), "application/x-ndjson")
        else:
            self.reply('{"detail": "Not Found"}', status=404)

    def log_message(self, format, *args):
        print(format % args, flush=True)


host = os.environ.get("MINER_RUNTIME_HOST", "0.0.0.0")
port = int(os.environ.get("MINER_RUNTIME_PORT", "8080"))
print(f"parrot listens on {port}", flush=True)
ThreadingHTTPServer((host, port), Parrot).serve_forever()
