import subprocess
import sys


def test_deciding_does_not_import_evidently():
    code = (
        "import sys, monitoring.decision, monitoring.performance, monitoring.statistics;"
        "assert not any(m.split('.')[0] in {'evidently', 'prefect', 'models'} for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
