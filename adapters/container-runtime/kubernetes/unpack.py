"""Brings a submission's source into its pod: runs in the init container, on the owner's runtime image.

Ends with 3 when the download failed, 4 when the bytes are not the accepted ones, and 5 when they cannot be unpacked.
The address carries a signature, so it is never printed.
"""
import hashlib
import os
import shutil
import sys
import tarfile
import time
import urllib.error
import urllib.request

TARGET = os.environ.get("EIREL_SOURCE_TARGET", "/submission")
ARCHIVE = os.path.join(os.environ.get("TMPDIR", "/tmp"), "source.tar.gz")
ATTEMPTS = 5


def end(code, text):
    print(text, file=sys.stderr, flush=True)
    sys.exit(code)


def download(url):
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=30) as answer, open(ARCHIVE, "wb") as file:
        while True:
            piece = answer.read(1 << 20)
            if not piece:
                return digest.hexdigest()
            digest.update(piece)
            file.write(piece)


def fetch(url):
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return download(url)
        except urllib.error.HTTPError as error:
            problem = "object storage answered %d" % error.code
            if error.code in (401, 403, 404):
                end(3, problem + "; the link has expired, or the archive is gone")
        except OSError as error:
            problem = type(error).__name__ + ": " + str(getattr(error, "reason", error))
        print("attempt %d: %s" % (attempt, problem), file=sys.stderr, flush=True)
        time.sleep(min(8, 2 ** (attempt - 1)))
    end(3, "the source could not be downloaded")


def unpack():
    # A container that is started again finds what the one before it left.
    for name in os.listdir(TARGET):
        path = os.path.join(TARGET, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    with tarfile.open(ARCHIVE, "r:gz") as archive:
        for member in archive:
            name = os.path.normpath(member.name)
            if name == ".":
                continue
            if os.path.isabs(name) or name.split("/")[0] == ".." or not (member.isfile() or member.isdir()):
                end(5, "refused entry %r" % member.name)
            path = os.path.join(TARGET, name)
            if member.isdir():
                os.makedirs(path, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.extractfile(member) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file)
            os.chmod(path, 0o755 if member.mode & 0o111 else 0o644)


found = fetch(os.environ["EIREL_SOURCE_URL"])
if found != os.environ["EIREL_SOURCE_SHA256"]:
    end(4, "the source has SHA-256 %s, accepted was %s" % (found, os.environ["EIREL_SOURCE_SHA256"]))
try:
    unpack()
except (tarfile.TarError, EOFError, OSError) as error:
    end(5, "the source cannot be unpacked: %s" % error)
os.unlink(ARCHIVE)
