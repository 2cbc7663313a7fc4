/** Tiny agents packed as archives, and a runtime on a directory of its own. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { stringify } from 'yaml';
import {
  containerRuntimeFromEnv,
  type ContainerRuntime,
  type PlacementSpec,
} from '../../../adapters/container-runtime';
import type { Logger } from '../../../adapters/logging';
import { parseManifest, type SubmissionManifest } from '../../../domain/contracts/manifest';
import { targz } from '../../unit/archive/tar-builder';

export const MIB = 1024 * 1024;

export interface Packed {
  bytes: Buffer;
  sha256: string;
  manifest: SubmissionManifest;
}

/** Packs files with a manifest that names what is given and leaves the rest to defaults. */
export function pack(files: Record<string, string>, manifest: object = {}): Packed {
  const text = stringify({ agent: { name: 'test' }, family_id: 'general_chat', ...manifest });
  const parsed = parseManifest(text);
  if (!parsed.ok) throw new Error(parsed.message);
  const entries = Object.entries(files).map(([name, body]) => ({
    name,
    body,
    mode: name.endsWith('.sh') ? 0o755 : 0o644,
  }));
  const bytes = targz({ name: 'submission.yaml', body: text }, ...entries);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), manifest: parsed.manifest };
}

const PYTHON_AGENT = `
import http.server, json, os, signal, subprocess, sys, threading
HOARD = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/env": body = dict(os.environ)
        elif self.path == "/whoami":
            status = open("/proc/self/status").read()
            body = {"uid": os.getuid(), "gid": os.getgid(), "pid": os.getpid(), "cwd": os.getcwd(), "status": status,
                    "limits": open("/proc/self/limits").read(), "stdin": os.readlink("/proc/self/fd/0")}
        elif self.path.startswith("/read?"):
            try: body = {"text": open(self.path[6:], errors="replace").read()}
            except OSError as error: body = {"error": type(error).__name__}
        elif self.path == "/write":
            open("note.txt", "w").write("x"); open(os.path.join(os.environ["TMPDIR"], "t"), "w").write("x"); body = {}
        elif self.path == "/children":
            body = {"pids": [
                subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=detach).pid
                for detach in (False, True)]}
        elif self.path == "/memory":
            while True: HOARD.append(bytearray(os.urandom(1024)) * 8192)
        elif self.path.startswith("/exit?"): os._exit(int(self.path[6:]))
        elif self.path == "/segv": os.kill(os.getpid(), signal.SIGSEGV)
        elif self.path == "/stubborn": signal.signal(signal.SIGTERM, signal.SIG_IGN); body = {}
        elif self.path == "/shout": print("\\n".join("%06d" % n + "x" * 493 for n in range(400)), flush=True); body = {}
        else: body = {"status": "ok"}
        self.answer(body)
    def do_POST(self):
        self.answer({"echo": json.loads(self.rfile.read(int(self.headers["content-length"])))})
    def answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200); self.send_header("content-length", str(len(data))); self.end_headers(); self.wfile.write(data)
    def log_message(self, *args): pass
if os.environ.get("CRASH_AT_START"): sys.exit(int(os.environ["CRASH_AT_START"]))
print("agent", os.environ.get("AGENT_NAME", "unnamed"), "is up", flush=True)
def main():
    http.server.ThreadingHTTPServer((os.environ["MINER_RUNTIME_HOST"], int(os.environ["PORT"])), Handler).serve_forever()
if threading.current_thread() is threading.main_thread(): signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
main()
`;

export const pythonAgent = (): Packed =>
  pack({
    'agent/main.py': PYTHON_AGENT,
    Dockerfile:
      'FROM python:3.12-slim\nWORKDIR /srv\nCOPY agent/ ./\nRUN pip install nothing\nENV AGENT_NAME=py PATH=/evil\nCMD ["python", "main.py"]\n',
  });

const NODE_AGENT = `
const http = require('node:http');
const [host, port] = [process.argv[2], Number(process.argv[3])];
http.createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ status: 'ok', argv: process.argv.slice(2), data: require('./data.json'), env: process.env }));
}).listen(port, host, () => console.log('node agent listens on', host, port));
`;

/** Has its address written out in the Dockerfile, as for a container. */
export const nodeAgent = (): Packed =>
  pack({
    'src/server.js': NODE_AGENT,
    'src/data.json': '{"answer":42}',
    Dockerfile:
      'FROM node:20-slim\nWORKDIR /app\nCOPY src/*.js src/data.json /app/lib/\nENTRYPOINT ["node"]\nCMD ["/app/lib/server.js", "0.0.0.0", "8080"]\n',
  });

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export class Bench {
  readonly root = mkdtempSync(join(tmpdir(), 'eirel-runtime-'));
  private readonly runtimes: ContainerRuntime[] = [];
  readonly logLines: string[] = [];

  constructor(private readonly env: NodeJS.ProcessEnv = {}) {
    chmodSync(this.root, 0o755);
  }

  /** A runtime object as a worker makes it at its start. */
  runtime(env: NodeJS.ProcessEnv = {}): ContainerRuntime {
    const made = containerRuntimeFromEnv(
      { EIREL_PROCESS_RUNTIME_ROOT: this.root, ...this.env, ...env },
      silent,
    );
    this.runtimes.push(made);
    return made;
  }

  async build(runtime: ContainerRuntime, packed: Packed): Promise<string> {
    const built = await runtime.buildImage({
      submissionId: 's1',
      archive: () => Promise.resolve(Readable.from([packed.bytes])),
      archiveSha256: packed.sha256,
      manifest: packed.manifest,
      onLog: (line) => this.logLines.push(line),
    });
    return built.imageRef;
  }

  spec(packed: Packed, imageRef: string, more: Partial<PlacementSpec> = {}): PlacementSpec {
    return {
      deploymentId: 'd1',
      submissionId: 's1',
      revision: 'r1',
      imageRef,
      manifest: packed.manifest,
      env: {},
      cpuMillis: 1000,
      memoryBytes: 256 * MIB,
      startTimeoutSeconds: 20,
      ...more,
    };
  }

  async dispose(): Promise<void> {
    const [runtime] = this.runtimes;
    const directory = join(this.env.EIREL_PROCESS_RUNTIME_ROOT ?? this.root, 'deployments');
    // Stopped ones too: they hold a user id.
    for (const id of existsSync(directory) ? readdirSync(directory) : []) await runtime?.remove(id);
    // Images are read-only.
    execFileSync('chmod', ['-R', 'u+w', this.root]);
    rmSync(this.root, { recursive: true, force: true });
  }
}

export async function ask<T = Record<string, unknown>>(url: string): Promise<T> {
  const response = await fetch(url, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(10_000),
  });
  return (await response.json()) as T;
}

/** Waits until a condition holds; fails loudly when it never does. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`never happened: ${what}`);
}
