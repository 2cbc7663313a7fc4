"""Runs untrusted code inside a sandbox and reports what came of it.

It is the first program in the sandbox and speaks frames with the service outside: one byte of kind, four bytes of
length (big-endian), then the payload. In on descriptor 0: `a` an attachment (two bytes of name length, name,
content), `x` an execution (JSON). Out on descriptor 1: `o` and `e` pieces of output, `f` a file (two bytes of header
length, JSON header, content), `r` the result (JSON), which ends the answer.

Code runs in a child process that has neither descriptor. Whoever reads the answer must still not trust it: the code
may end this process and there is no other wall between them than the process boundary.
"""

import json
import os
import resource
import select
import signal
import stat
import struct
import sys
import time

WORK = "/tmp/work"
CHUNK = 65536
MAX_FLOOD = 64 * 1024 * 1024
MAX_WALK = 4096
MAX_FILES = 256
MAX_PATH = 1024
INLINE_FILE = 256 * 1024
INLINE_TOTAL = 1024 * 1024
BLOCKED_ROOTS = frozenset(
    "socket urllib http httpx requests subprocess ctypes fcntl termios pty tty multiprocessing _socket ssl asyncio "
    "select selectors signal _ssl _thread".split()
)
# Text work only, and what pathlib is made with.
HARMLESS = frozenset(["urllib", "urllib.parse"])
# Loaded with the interpreter itself, and needed by harmless modules such as dataclasses.
ALWAYS_LOADED = frozenset(["_thread"])


def read_exactly(fd, count):
    parts = []
    while count:
        piece = os.read(fd, min(count, 1 << 20))
        if not piece:
            raise EOFError
        parts.append(piece)
        count -= len(piece)
    return b"".join(parts)


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def send(kind, payload):
    write_all(1, kind + struct.pack(">I", len(payload)))
    write_all(1, payload)


def receive_attachment(length):
    (name_length,) = struct.unpack(">H", read_exactly(0, 2))
    name = read_exactly(0, name_length).decode("utf-8", "surrogateescape")
    left = length - 2 - name_length
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    fd = None
    try:
        fd = os.open(os.path.join(WORK, name), flags, 0o644)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError("not a regular file")
    except OSError as error:
        failure = error
    else:
        failure = None
    while left:
        piece = os.read(0, min(left, 1 << 20))
        if not piece:
            raise EOFError
        left -= len(piece)
        if failure is None:
            try:
                write_all(fd, piece)
            except OSError as error:
                failure = error
    if fd is not None:
        os.close(fd)
    return None if failure is None else "attachment %r could not be written: %s" % (name, failure.strerror or failure)


def walk():
    """Regular files below the work directory, links not followed: path -> (modified, size, inode)."""
    found = {}
    pending = [""]
    seen = 0
    while pending and seen < MAX_WALK:
        directory = pending.pop()
        try:
            entries = sorted(os.scandir(os.path.join(WORK, directory)), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > MAX_WALK:
                break
            path = os.path.join(directory, entry.name) if directory else entry.name
            if len(os.fsencode(path)) > MAX_PATH:
                continue
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(info.st_mode):
                pending.append(path)
            elif stat.S_ISREG(info.st_mode):
                found[path] = (info.st_mtime_ns, info.st_size, info.st_ino)
    return found


def send_files(before):
    """Sends what is new or changed; returns how many files were left out for their number."""
    total = 0
    changed = [path for path, mark in sorted(walk().items()) if before.get(path) != mark]
    for path in changed[:MAX_FILES]:
        try:
            fd = os.open(os.path.join(WORK, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                continue
            size = info.st_size
            content = None
            if size <= INLINE_FILE and total + size <= INLINE_TOTAL:
                content = b""
                while len(content) < size:
                    piece = os.read(fd, size - len(content))
                    if not piece:
                        break
                    content += piece
                size = len(content)
                total += size
        except OSError:
            continue
        finally:
            os.close(fd)
        name = os.fsencode(path).decode("utf-8", "replace")
        header = json.dumps({"path": name, "size": size, "inline": content is not None}).encode()
        send(b"f", struct.pack(">H", len(header)) + header + (content or b""))
    return max(0, len(changed) - MAX_FILES)


def limit(request, in_session):
    mega = 1024 * 1024
    cpu = 300 if in_session else int(request["timeout_seconds"]) + 2
    for name, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, request["max_file_bytes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CPU, cpu),
        # The sandbox's own two processes are of the same user in the same namespace.
        (resource.RLIMIT_NPROC, request["max_processes"] + 2),
        (resource.RLIMIT_AS, request["memory_mb"] * mega),
    ):
        resource.setrlimit(name, (value, value))


class ImportGuard:
    """Says at once that a module is of no use here. A courtesy to the code's author; the sandbox is the wall.

    The standard library's own imports pass, so that a harmless module does not fail for what it never uses.
    """

    library = os.path.dirname(os.__file__) + os.sep

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        root = name.partition(".")[0]
        if root in BLOCKED_ROOTS and name not in HARMLESS and not cls.asked_by_library():
            raise ImportError("import of %r is not allowed in the sandbox" % root, name=name)
        return None

    @classmethod
    def asked_by_library(cls):
        frame = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
            frame = frame.f_back
        return frame is not None and frame.f_code.co_filename.startswith(cls.library)


def guard_imports():
    for name in list(sys.modules):
        root = name.partition(".")[0]
        if root in BLOCKED_ROOTS and root not in ALWAYS_LOADED:
            del sys.modules[name]
    sys.meta_path.insert(0, ImportGuard)
    exact = {"system", "popen", "chmod", "rename", "replace", "lchmod", "fchmod"}
    starts = ("spawn", "exec", "fork", "kill", "chown", "lchown", "fchown", "posix_spawn")
    for name in list(vars(os)):
        if name in exact or name.startswith(starts):
            delattr(os, name)


def become_child(out_w, err_w, keep):
    """Leaves the child nothing of the runner: descriptors 0, 1, 2 and `keep`, moved to 3 and up."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out_w, 1)
    os.dup2(err_w, 2)
    high = [os.dup2(fd, 40 + index, inheritable=False) for index, fd in enumerate(keep)]
    for index, fd in enumerate(high):
        os.dup2(fd, 3 + index, inheritable=False)
    os.closerange(3 + len(keep), 256)
    os.environ.clear()
    sys.argv[:] = ["-c"]
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.stderr.reconfigure(errors="backslashreplace")


def run_code(code, module):
    """Runs it as `__main__` and returns its exit code as the interpreter would."""
    try:
        exec(compile(code, "<string>", "exec"), module.__dict__)
        return 0
    except SystemExit as stop:
        if stop.code is None:
            return 0
        if isinstance(stop.code, int):
            return stop.code & 0xFF
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException:
        kind, value, trace = sys.exc_info()
        # Without this function's own frame.
        value.__traceback__ = trace.tb_next
        sys.__excepthook__(kind, value, value.__traceback__)
        return 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass


def new_main():
    module = type(sys)("__main__")
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module
    return module


def one_shot(request, out_w, err_w):
    become_child(out_w, err_w, [])
    limit(request, False)
    if request["import_guard"]:
        guard_imports()
    code = run_code(request["code"], new_main())
    # What the interpreter does at its end: wait for threads, run what was registered.
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        if "atexit" in sys.modules:
            sys.modules["atexit"]._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        code = code or 120
    return code


def serve_session(request, out_w, err_w, commands, done):
    become_child(out_w, err_w, [commands, done])
    limit(request, True)
    if request["import_guard"]:
        guard_imports()
    module = new_main()
    while True:
        try:
            (length,) = struct.unpack(">I", read_exactly(3, 4))
            code = read_exactly(3, length).decode()
        except EOFError:
            return 0
        write_all(4, struct.pack(">B", run_code(code, module) & 0xFF))


class Child:
    """The process that runs the code, with the ends of its pipes."""

    def __init__(self, request, in_session):
        out_r, out_w = os.pipe()
        err_r, err_w = os.pipe()
        self.commands = self.done = None
        if in_session:
            commands_r, self.commands = os.pipe()
            self.done, done_w = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 121
            try:
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_DFL)
                if in_session:
                    status = serve_session(request, out_w, err_w, commands_r, done_w)
                else:
                    status = one_shot(request, out_w, err_w)
            except BaseException as error:
                os.write(2, ("sandbox: the code could not be started: %r\n" % (error,)).encode())
            finally:
                os._exit(status)
        os.close(out_w)
        os.close(err_w)
        if in_session:
            os.close(commands_r)
            os.close(done_w)
            os.set_blocking(self.done, False)
        os.set_blocking(out_r, False)
        os.set_blocking(err_r, False)
        self.streams = {out_r: b"o", err_r: b"e"}
        try:
            self.watch = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            self.watch = None
        self.status = None

    def submit(self, code):
        data = code.encode()
        write_all(self.commands, struct.pack(">I", len(data)) + data)

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None


class Output:
    """Passes output on up to its caps, and knows what it dropped."""

    def __init__(self, caps):
        self.left = dict(caps)
        self.total = 0
        self.truncated = False

    def pump(self, child, fd):
        """Reads once; false at the end of the stream or when nothing is there."""
        try:
            piece = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if not piece:
            child.streams.pop(fd, None)
            os.close(fd)
            return False
        kind = child.streams[fd]
        self.total += len(piece)
        kept = piece[: self.left[kind]]
        self.left[kind] -= len(kept)
        self.truncated = self.truncated or len(kept) < len(piece)
        if kept:
            send(kind, kept)
        return True

    def drain(self, child):
        budget = 4 * MAX_FLOOD // CHUNK
        for fd in list(child.streams):
            while budget and self.pump(child, fd):
                budget -= 1


def wait_for(child, output, deadline):
    """Until the code is done (exit code, None), or the reason why it was stopped (None, reason)."""
    while True:
        wanted = set(child.streams) | {fd for fd in (child.watch, child.done) if fd is not None}
        poller = select.poll()
        for fd in wanted:
            poller.register(fd, select.POLLIN)
        left = deadline - time.monotonic()
        if left <= 0:
            return None, "timeout"
        wait = left if child.watch is not None else min(left, 0.01)
        for fd, _ in poller.poll(max(1, int(wait * 1000))):
            if fd in child.streams:
                output.pump(child, fd)
            elif fd == child.done:
                try:
                    answer = os.read(fd, 1)
                except BlockingIOError:
                    continue
                if answer:
                    output.drain(child)
                    return answer[0], None
                os.close(child.done)
                child.done = None
        if output.total > MAX_FLOOD:
            return None, "output"
        if child.ended():
            output.drain(child)
            if child.commands is not None:
                return None, "crash"
            return child.status, None


def kill_all():
    try:
        # Everything but this process and the first one of the namespace.
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass


def execute(request, child, problems):
    """One execution; returns the session's child to keep, or None."""
    in_session = request["session"]
    started = time.monotonic()
    before = walk()
    output = Output({b"o": request["stdout_cap"], b"e": request["stderr_cap"]})
    if child is None:
        child = Child(request, in_session)
    if in_session:
        child.submit(request["code"])
    code, stopped = wait_for(child, output, started + request["timeout_seconds"])
    keep = in_session and stopped is None
    if not keep:
        kill_all()
        output.drain(child)
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break
    left_out = send_files(before)
    send(
        b"r",
        json.dumps(
            {
                "exit_code": code,
                "stopped": stopped,
                "signal": child.status if stopped == "crash" else None,
                "truncated": output.truncated,
                "files_left_out": left_out,
                "problems": problems,
            }
        ).encode(),
    )
    return child if keep else None


def close_proc():
    """Where there is a /proc, makes what it tells of this process, and of those it begets, root's to read."""
    if not os.path.exists("/proc/self"):
        return
    import ctypes

    PR_SET_DUMPABLE = 4
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def main():
    close_proc()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.mkdir(WORK, 0o755)
    os.chdir(WORK)
    child = None
    problems = []
    while True:
        try:
            kind, length = struct.unpack(">cI", read_exactly(0, 5))
            if kind == b"a":
                problem = receive_attachment(length)
                if problem:
                    problems.append(problem)
                continue
            request = json.loads(read_exactly(0, length))
        except EOFError:
            return
        child = execute(request, child, problems)
        problems = []
        if child is None:
            return


main()
