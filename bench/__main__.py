"""`python -m bench [case …] [--quick] [--out FILE]`: runs every candidate in a fresh process and prints ratios.

A case is a module of `bench.cases` with `CANDIDATES` (name → function returning a dict with at least `seconds`, and
`answer` where all candidates must agree), `OURS`, `TITLE` and `SIZES`. Best of n by wall time; CPU seconds and peak
memory of the best run are shown beside it. A candidate whose package is not installed is named as left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ABOUT = """Written by `make bench ARGS="--doc docs/benchmarks.md"` in one run, every candidate in a fresh process, best of n by wall time; CPU seconds and peak
memory are those of the best run. Compare ratios, not seconds: the machine is shared. A peer that is not installed is named as left out."""
CASES = ("catalogue", "import_file", "first_sync", "callbacks", "home")


def peak_kb() -> int:
    """This process's own peak memory; getrusage would count what the parent held before it became this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def run_one(case: str, candidate: str, size: str, work: Path) -> None:
    """Runs one candidate in this process and prints its JSON line."""
    module = importlib.import_module(f"bench.cases.{case}")
    try:
        began, cpu = time.perf_counter(), time.process_time()
        result: dict[str, Any] = module.CANDIDATES[candidate](size, work)
        result.setdefault("seconds", time.perf_counter() - began)
        result.setdefault("cpu", time.process_time() - cpu)
    except ImportError as error:
        result = {"left_out": f"needs {error.name}"}
    result["rss_mb"] = round(max(peak_kb(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024)
    print("RESULT " + json.dumps(result, ensure_ascii=False, default=str))


def measure(case: str, candidate: str, size: str, work: Path, repeats: int) -> dict[str, Any]:
    """The best of `repeats` fresh processes, or what kept it from running."""
    best: dict[str, Any] = {}
    for _ in range(repeats):
        command = [sys.executable, "-m", "bench", "--one", case, candidate, size, "--work", str(work)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env)
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        if not lines:
            return {"failed": (done.stderr or done.stdout).strip().splitlines()[-1:]}
        result = json.loads(lines[-1][7:])
        if "left_out" in result:
            return result
        if not best or result["seconds"] < best["seconds"]:
            best = result
    return best


def table(case: str, size: str, ours: str, results: dict[str, dict[str, Any]]) -> str:
    """The Markdown table of one case at one size, ratios against ours."""
    mine = results.get(ours, {}).get("seconds")
    lines = ["| candidate | seconds | CPU s | peak MB | ours ÷ it | notes |", "|---|---|---|---|---|---|"]
    for name, r in results.items():
        if "seconds" not in r:
            why = f"left out: {r['left_out']}" if "left_out" in r else f"failed: {r.get('failed')}"
            lines.append(f"| {name} | – | – | – | – | {why} |")
            continue
        ratio = f"{mine / r['seconds']:.2f}" if mine and name != ours else ("**ours**" if name == ours else "–")
        notes = "; ".join(f"{k} {v}" for k, v in r.items() if k not in {"seconds", "cpu", "rss_mb", "answer"})
        lines.append(f"| {name} | {r['seconds']:.3f} | {r['cpu']:.3f} | {r['rss_mb']} | {ratio} | {notes} |")
    answers = {json.dumps(r["answer"], sort_keys=True) for r in results.values() if "answer" in r}
    if len(answers) > 1:
        lines.append(f"\n**The answers differ**: { {n: r.get('answer') for n, r in results.items()} }")
    elif answers and len([r for r in results.values() if "answer" in r]) > 1:
        lines.append("\nAll candidates gave the same answer.")
    return "\n".join(lines)


def main() -> None:
    """Runs the asked cases and writes the JSON and the Markdown."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--one", nargs=3, metavar=("CASE", "CANDIDATE", "SIZE"))
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / "out" / "work")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "out" / "results.json")
    parser.add_argument("--doc", type=Path, help="write the tables as Markdown too, for docs/benchmarks.md")
    parser.add_argument("--quick", action="store_true", help="smallest size only, one run each")
    parser.add_argument("--sizes", default="", help="only these sizes, comma-separated, as the cases name them")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    if asked.one:
        run_one(*asked.one, asked.work)
        return
    asked.work.mkdir(parents=True, exist_ok=True)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.release()}"
    pages = [f"# Benchmarks\n\n{machine}; load before {os.getloadavg()[0]:.1f}.\n{ABOUT}"]
    print(pages[0])
    everything: dict[str, Any] = {"machine": machine, "cases": {}}
    for case in asked.cases:
        module = importlib.import_module(f"bench.cases.{case}")
        wanted = [size for size in module.SIZES if not asked.sizes or size in asked.sizes.split(",")]
        for size in wanted[:1] if asked.quick else wanted:
            if hasattr(module, "prepare"):
                module.prepare(size, asked.work)
            results = {
                name: measure(case, name, size, asked.work, 1 if asked.quick else getattr(module, "REPEATS", asked.repeats))
                for name in module.CANDIDATES
            }
            everything["cases"].setdefault(case, {})[size] = results
            pages.append(f"## {module.TITLE}: {size}\n\n{table(case, size, module.OURS, results)}")
            print(f"\n{pages[-1]}", flush=True)
            if asked.doc:  # after each table: a run that is cut short keeps what it measured
                asked.doc.write_text("\n\n".join(pages) + "\n", "utf-8")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(everything, ensure_ascii=False, indent=1, default=str), "utf-8")
    print(f"\nJSON: {asked.out}")


if __name__ == "__main__":
    main()
