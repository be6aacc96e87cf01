"""Every goal in one run: redaction, resolution, imports. ``python -m benchmarks.redaction --help`` for its options."""

import sys

from benchmarks import imports, redaction, resolution
from benchmarks.measure import Report

report = Report()
redaction.run(report, sys.argv[1:])
imports.run(report)
report.close()
resolution.main()
