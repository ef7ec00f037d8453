#!/bin/bash
# Everything worth doing with ten minutes of somebody's GPU, most important first; what it finds is in files, whenever it is cut off.
#
#   bash benchmarks/on_a_gpu.sh OUT [MINUTES]          from the repository; 10 minutes unless said otherwise
#   MINICYCLEGAN_REFERENCE=PATH ...                    a checkout of junyanz/pytorch-CycleGAN-and-pix2pix to take turns with
#   MINICYCLEGAN_PHOTOGRAPHS=FOLDER ...                a data set to train on (trainA, trainB, testA, testB); else the seasons
#
# Run again with the same OUT it goes on: gpu_step.py keeps its rows, the training resumes. Without a GPU it is a rehearsal of the
# same commands at toy size.
set -u
out=$(mkdir -p "${1:?say where the results go: bash benchmarks/on_a_gpu.sh OUT}" && cd "$1" && pwd)
minutes=${2:-10}
cd "$(dirname "$0")/.." || exit 1
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
python=${PYTHON:-python}
began=$SECONDS
left() { echo $((60 * minutes - SECONDS + began)); }

# part NAME SHARE COMMAND...: runs it for at most this share, in percent, of all the minutes and no longer than what is left
part() {
    local name=$1 seconds=$((60 * minutes * $2 / 100))
    shift 2
    [ "$seconds" -gt "$(left)" ] && seconds=$(left)
    [ "$seconds" -lt 5 ] && { echo "no time left for $name"; return; }
    echo "== $name, at most $seconds s: $*" | tee -a "$out/log.txt"
    timeout --signal=INT --kill-after=20 "$seconds" "$@" 2>&1 | tee "$out/$name.txt"
    echo "== $name ended with ${PIPESTATUS[0]} after $((SECONDS - began)) s in all" | tee -a "$out/log.txt"
}

"$python" - <<'PY' | tee "$out/machine.txt"
import sys
sys.path.insert(0, "benchmarks")
import torch
from machine import machine
print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
if torch.cuda.is_available():
    print("capability:", torch.cuda.get_device_capability(), "CUDA:", torch.version.cuda, "cuDNN:", torch.backends.cudnn.version())
PY

reference=${MINICYCLEGAN_REFERENCE:+--reference $MINICYCLEGAN_REFERENCE}
if "$python" -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; then
    step="--minutes $((minutes * 45 / 100 + 1)) --recipe"
    first="bf16,bf16-compiled,all,all-streams"
    sizes="256x1,256x8"
    ideas="all-products,all-pads,all-groups,all-casts,fp16,bf16-nobench,all-resident,all-host"
    training="--minutes $((minutes * 20 / 100))"
else
    echo "torch sees no CUDA GPU: a rehearsal at toy size"
    step="--device cpu --rounds 3 --turn 0.1 --minutes 1"
    first="fp32,fp32-last"
    sizes="32x1x4x1"
    ideas="fp32-nchw"
    training="--steps 20 --size 32 -p base_channels=4 -p n_blocks=1"
fi

part tests 25 "$python" -m pytest -n 0 -q -p no:cacheprovider -m cuda tests
# shellcheck disable=SC2086  # options are words
part step 45 "$python" benchmarks/gpu_step.py $reference $step --sizes "$sizes" --variants "$first" --out "$out/gpu_step.json"
run="$out/run"
if [ -e "$run/last.pt" ]; then
    part training 25 "$python" -m minicyclegan.cli train --resume "$run" $training
else
    part training 25 "$python" -m minicyclegan.cli train "${MINICYCLEGAN_PHOTOGRAPHS:-seasons}" -o "$run" --yes $training
fi
part quality 15 "$python" -m minicyclegan.cli evaluate "$run"
part ideas 100 "$python" benchmarks/gpu_step.py $reference $step --sizes "$sizes" --variants "$ideas" --out "$out/gpu_step.json"
echo "everything is in $out"
