#!/usr/bin/env bash
# Does imputation keep the diagnosis? All rows, on 428 SIMULATED people whom no method has seen.
#
#     benchmarks/diagnosis.sh make FOLDER     what results/diagnosis-4mm lacks, into it: hours
#     benchmarks/diagnosis.sh check FOLDER    anew from the weights in results/, held to the committed table
#
# FOLDER holds people/, work/ with every completed volume, and, of `check`, out/. Killed, it goes on
# where it was. METHODS="acadiff,ldm" takes these rows beside those that need no model, NETWORKS=3
# so many runs of the 3D network for each row (none: it takes minutes a run), RATES="60,80" these rates.
set -euo pipefail
if (($# != 2)) || [[ ! $1 =~ ^(make|check)$ ]]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
what=$1 folder=$2
acadiff=${ACADIFF:-acadiff} methods=${METHODS:-all} rates=${RATES:-20,40,60,80} networks=${NETWORKS:-0}
here=$(cd "$(dirname "$0")/.." && pwd)
kept=$here/results/diagnosis-4mm

"$acadiff" simulate "$folder/people" --subjects 428 --voxel 4 --seed 60428 --jobs 2
if [[ ! -e $folder/work/codecs ]]; then
    mkdir -p "$folder/work"
    cp -R "$here/src/acadiff/pretrained/phantom-4mm"/. "$folder/work"
    cp -R "$here/results/generation-4mm/models"/. "$folder/work"
fi

study() {
    "$acadiff" benchmark diagnosis "$folder/people" "$folder/work" --device cpu "$@"
}

if [[ $what == check ]]; then
    study --out "$folder/out" --methods "$methods" --rates "$rates" \
        --check "$kept" --tolerance "${TOLERANCE:-0.001}"
    exit
fi
study --out "$kept" --methods "$methods" --rates "$rates"
study --out "$kept" --methods acadiff --rates "$rates" --scenario test
study --out "$kept" --methods acadiff,ldm --rates "$rates" --scenario three-way
study --out "$kept" --methods acadiff,mean --rates "$rates" --mask-seed 0,1,2,3,4
if ((networks)); then
    study --out "$kept" --methods "$methods" --rates "$rates" --classifier densenet --runs "$networks"
fi
