import { pack, type Packed } from '../harness';

/** Does on request what agents do by mistake. Written for the plain Python of any base image. */
const SOURCE = `
import http.server, json, os, signal, socket, sys, threading, time
HOARD, HUNG, ACTIVE, LOCK = [], threading.Event(), [0], threading.Lock()
MODE = os.environ.get("AGENT_MODE", "")

def files_with(needle, roots):
    found = []
    for root, directories, names in (entry for root in roots for entry in os.walk(root)):
        directories[:] = [d for d in directories if os.path.join(root, d) not in ("/proc", "/sys", "/usr", "/lib", "/dev")]
        for name in names:
            path = os.path.join(root, name)
            try:
                if os.path.getsize(path) < 1048576 and needle in open(path, "rb").read(): found.append(path)
            except OSError: pass
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for part in ("environ", "cmdline"):
            path = "/proc/%s/%s" % (pid, part)
            try:
                if needle in open(path, "rb").read(): found.append(path)
            except OSError: pass
    return found

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if HUNG.is_set(): time.sleep(600)
        if path == "/healthz" and MODE == "unready": return self.answer({"status": "warming up"}, 503)
        if path == "/env": return self.answer(dict(os.environ))
        if path == "/whoami":
            return self.answer({"uid": os.getuid(), "gid": os.getgid(), "status": open("/proc/self/status").read()})
        if path == "/search":
            needle, *roots = query.split(",")
            return self.answer({"files": files_with(bytes.fromhex(needle), roots)})
        if path == "/write":
            result = {}
            for place in query.split(","):
                try: open(place, "w").write("x"); result[place] = "written"
                except OSError as error: result[place] = type(error).__name__
            return self.answer(result)
        if path == "/connect":
            host, _, port = query.rpartition(":")
            try: socket.create_connection((host, int(port)), 3).close(); return self.answer({"connected": True})
            except OSError as error: return self.answer({"connected": False, "error": str(error)})
        if path == "/fetch":
            import urllib.request
            try: return self.answer({"text": urllib.request.urlopen(os.environ[query], timeout=5).read().decode()})
            except OSError as error: return self.answer({"error": str(error)})
        if path == "/memory":
            while True: HOARD.append(bytearray(os.urandom(1024)) * 8192)
        if path == "/fork":
            count = 0
            try:
                for _ in range(5000): threading.Thread(target=time.sleep, args=(3,), daemon=True).start(); count += 1
            except RuntimeError: pass
            return self.answer({"threads": count})
        if path == "/exit": os._exit(int(query))
        if path == "/hang": HUNG.set(); return self.answer({})
        if path == "/slow":
            print("slow request begins", flush=True); time.sleep(float(query)); return self.answer({"slept": float(query)})
        self.answer({"status": "ok"})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/agent/infer/stream": return self.answer({"status": "completed", "output": {"answer": body["prompt"]}})
        self.send_response(200); self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked"); self.end_headers()
        try:
            for number in range(body["lines"]):
                line = (json.dumps({"event": "delta", "text": str(number)}) + "\\n").encode()
                self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(line), line)); self.wfile.flush(); time.sleep(body["pause"])
            self.wfile.write(b"0\\r\\n\\r\\n")
        except OSError: print("the caller went away", flush=True)
    def answer(self, body, status=200):
        data = json.dumps(body).encode()
        self.send_response(status); self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data))); self.end_headers(); self.wfile.write(data)
    def log_message(self, *args): pass
    def handle_one_request(self):
        with LOCK: ACTIVE[0] += 1
        try: super().handle_one_request()
        finally:
            with LOCK: ACTIVE[0] -= 1

def drain(*_):
    def wait():
        deadline = time.time() + 20
        while ACTIVE[0] > 0 and time.time() < deadline: time.sleep(0.05)
        print("drained", flush=True); os._exit(0)
    threading.Thread(target=wait).start()
signal.signal(signal.SIGTERM, drain)
print("agent", os.environ.get("AGENT_NAME", "unnamed"), "starts", flush=True)
if MODE.startswith("crash"): print("giving up", file=sys.stderr, flush=True); sys.exit(int(MODE[5:]))
http.server.ThreadingHTTPServer((os.environ["MINER_RUNTIME_HOST"], int(os.environ["MINER_RUNTIME_PORT"])), Handler).serve_forever()
`;

/** The agent of the conformance cases. @param more Dockerfile lines before CMD */
export function conformanceAgent(baseImage: string, more = ''): Packed {
  return pack({
    'agent/main.py': SOURCE,
    Dockerfile: `FROM ${baseImage}\nWORKDIR /srv\nCOPY agent/ ./\nENV AGENT_NAME=conforming\n${more}CMD ["python", "main.py"]\n`,
  });
}
