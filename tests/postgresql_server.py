"""A real PostgreSQL server of the tests' own: made in a temporary folder, on a free port, gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

OWNER, PASSWORD = "owner", "saffron"


def server_programs() -> Path | None:
    """Returns the folder of Debian's (or another's) initdb and postgres, the newest; None where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    candidates = [*reversed(folders), *([Path(found).parent] if found else [])]
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


class Server:
    """Runs from its making until `stop`. Its role `owner` is the administrator; others need the password over TCP."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="annotator-pg-"))
        self._as: dict[str, Any] = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        if os.geteuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self._as |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.data = self.folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        words = self.folder / "password"
        words.write_text(PASSWORD)
        words.chmod(0o644)
        # Not the C collation: what relies on the order of bytes must fail here
        locale = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8", "--encoding=UTF8"]
        rights = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--username={OWNER}", f"--pwfile={words}"]
        self._run("initdb", "-D", str(self.data), *locale, *rights, "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40"
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def halt(self) -> None:
        """Stops the server at once; its data stay."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")

    def stop(self) -> None:
        subprocess.run(
            [str(self.programs / "pg_ctl"), "-D", str(self.data), "-m", "immediate", "stop"], check=False, **self._as
        )
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres", *, user: str = OWNER, password: str | None = None) -> str:
        """The address over the local socket; with a password over TCP."""
        if password is None:
            return f"postgresql+psycopg://{user}@/{database}?host={self.folder}&port={self.port}"
        return f"postgresql+psycopg://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def say(self, *statements: str) -> None:
        """Runs statements as the administrator."""
        import psycopg

        with psycopg.connect(
            host=str(self.folder), port=self.port, user=OWNER, dbname="postgres", autocommit=True
        ) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([str(self.programs / program), *arguments], check=False, **self._as)
        assert done.returncode == 0, done.stderr
