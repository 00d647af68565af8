"""The audit record of a process that is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from gateway.audit_files import AuditChain
from gateway.audit_verification import verify_audit
from tests.unit.gateway.test_audit import a_record

WRITER = """
import sys
from pathlib import Path
from contracts.audit import AuditKind, AuditRecord
from gateway.audit_files import AuditChain
chain = AuditChain(Path(sys.argv[1]), segment_bytes=20_000)
while True:
    chain.append([AuditRecord(kind=AuditKind.MUTATION, outcome="DONE")] * 7)
    print(7, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """However often: the chain holds at least what was told, and goes on."""
    told = 0
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        told += sum(int(writer.stdout.readline()) for _ in range(20))
        os.kill(writer.pid, signal.SIGKILL)
        told += sum(int(line) for line in writer.stdout.readlines())
        writer.stdout.close()
        writer.wait()
        chain = AuditChain(tmp_path)
        chain.append([a_record()])
        chain.close()
        assert verify_audit(tmp_path)[0].records >= told
