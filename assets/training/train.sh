#!/usr/bin/env bash
# Trains emoji-animatediff in wall-clock slices, so that a machine can be used for a while at a time.
#
#   train.sh first STATE OUT SECONDS TOTAL    judge, autoencoder, then the picture stage
#   train.sh next  STATE OUT SECONDS TOTAL    go on with videos; repeat until TOTAL is used up
#
# STATE keeps what resuming needs. OUT gets fp16 weights, the log and pictures. SECONDS is this slice's
# wall clock, TOTAL the training seconds of all slices (the length of the learning-rate schedule).
set -euo pipefail
slice=$1 state=$2 out=$3 seconds=$4 total=$5
began=$SECONDS
cd "$(dirname "$0")"
mkdir -p "$state" "$out"
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=${OMP_NUM_THREADS:-4}
# One cache for all slices: compilation costs a minute or more the first time.
export TORCHINDUCTOR_CACHE_DIR=${TORCHINDUCTOR_CACHE_DIR:-$state/inductor}
gpus=$(nvidia-smi -L | wc -l)
launch=(python3 -m torch.distributed.run --nproc-per-node "$gpus")
log=$out/log.txt
: > "$log"

left() { echo $((seconds - (SECONDS - began) - 20)); }  # 20 s for starting Python and for writing files

if [ "$slice" = first ]; then
    # While the autoencoder's step compiles the GPUs are idle: the judge is trained there. The UNet's
    # steps are compiled into the cache beside the autoencoder's training.
    CUDA_VISIBLE_DEVICES=$((gpus - 1)) python3 judge.py --train --seconds 50 --out "$state/judge.safetensors" \
        > "$state/judge.log" 2>&1 &
    judge=$!
    for s in images videos; do
        CUDA_VISIBLE_DEVICES=0 python3 train_unet.py --stage $s --compile-only --state "$state" --out "$state/scratch"
    done > "$state/compile.log" 2>&1 &
    compile=$!
    trap 'pkill -P $compile 2> /dev/null; kill $compile 2> /dev/null || true' EXIT
    "${launch[@]}" train_vae.py --seconds "${VAE_SECONDS:-240}" --out "$state" 2>&1 | tee -a "$log"
    wait $judge || echo "the judge failed" | tee -a "$log"
    cat "$state/judge.log" "$state/compile.log" | tee -a "$log"
    cp "$state/vae.png" "$state/vae.safetensors" "$state/judge.safetensors" "$out/" || true
    stage=images
else
    stage=videos
fi
"${launch[@]}" train_unet.py --stage $stage --seconds "$(left)" --total "$total" --state "$state" --out "$out" \
    --guidance ${GUIDANCE:-4} 2>&1 | tee -a "$log"
if [ -f "$out/model-0.safetensors" ]; then rm -f "$out/vae.safetensors"; fi  # the shards hold it too
