#!/usr/bin/env bash
# The GPU tables of docs/speed.md and tests/bench/README.md, in under five minutes of device time.
# Run it in an environment with cadbench: bash tests/bench/gpu.sh > gpu.txt. Not run yet.
set -uo pipefail
cd "$(dirname "$0")/../.."
run() { echo; echo "## $*"; timeout 100 "$@" 2>&1; }
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
run python tests/bench/extraction.py --device cuda --images 1024 --rounds 3
run python tests/bench/extraction.py --device cuda --backbone wide_resnet50_2 --images 1024 --rounds 3
run python tests/bench/gpu_transformers.py --device cuda --images 256
run python tests/bench/stages.py --device cuda
run python -m pytest -q -m cuda
