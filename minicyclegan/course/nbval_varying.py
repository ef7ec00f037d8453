"""A plugin for pytest that lets nbval compare marked numbers within what they say; see `varying`."""

import copy
import os
import sys

# A second of each pytest process: see minicyclegan/cli/__init__.py
sys.modules.setdefault("rfc3987_syntax", None)


def pytest_configure(config) -> None:
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)) > 1:
        from minicyclegan.course.execution import THREADS

        # Kernels of several workers, with all cores each, would slow each other tenfold
        for name in THREADS:
            os.environ.setdefault(name, "1")
    try:
        from nbval.plugin import IPyNbCell
    except ImportError:
        return
    if hasattr(IPyNbCell, "compared_to_the_letter"):
        return
    IPyNbCell.compared_to_the_letter = IPyNbCell.compare_outputs

    def compare_outputs(cell, test, ref, skip_compare=None) -> bool:
        from minicyclegan.course.varying import settle_outputs

        test = copy.deepcopy(test)
        settle_outputs(ref, test)
        return cell.compared_to_the_letter(test, ref, skip_compare)

    IPyNbCell.compare_outputs = compare_outputs
