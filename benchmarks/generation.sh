#!/usr/bin/env bash
# Every method on equal terms, at 4 mm, on 600 SIMULATED people.
#
#     benchmarks/generation.sh make FOLDER     train what is not trained, impute, score, compare: hours
#     benchmarks/generation.sh keep FOLDER     copy what is trained, without its state, to results/
#     benchmarks/generation.sh check FOLDER    from the weights in results/ come to the same table
#
# FOLDER holds cohort/, work/ and out/. Killed, it goes on where it was. JOBS="ldm-FDG ldm-MRI" does
# these jobs alone, so that several processes can share the work.
set -euo pipefail
if (($# != 2)) || [[ ! $1 =~ ^(make|keep|check)$ ]]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
what=$1 folder=$2 work=$2/work
acadiff=${ACADIFF:-acadiff}
here=$(cd "$(dirname "$0")/.." && pwd)
kept=$here/results/generation-4mm
package=$here/src/acadiff/pretrained/phantom-4mm

if [[ $what == keep ]]; then
    mkdir -p "$kept/models/generators"
    cp "$work/split.tsv" "$kept/models/"
    for made in "$work"/generators/*; do
        name=$(basename "$made")
        [[ -e $made/generator.json && ! -e $package/generators/$name ]] || continue
        mkdir -p "$kept/models/generators/$name"
        cp "$made"/{generator.json,generator.safetensors,recipe.toml} "$kept/models/generators/$name"
        if [[ -e $made/training.json ]]; then cp "$made/training.json" "$kept/models/generators/$name"; fi
        for log in "$made"/*/steps.jsonl; do
            [[ -e $log ]] || continue
            phase=$(basename "$(dirname "$log")")
            awk 'NR % 50 == 1' "$log" >"$kept/models/generators/$name/$phase.jsonl"
        done
    done
    exit
fi

"$acadiff" simulate "$folder/cohort" --subjects 600 --voxel 4 --seed 2026 --jobs 2
mkdir -p "$work"
cp -R "$package"/. "$work" # the codecs and ACADiff itself
cp -R "$kept/models"/. "$work"
asked=()
if [[ $what == make ]]; then # latents, which training reads
    "$acadiff" compress "$folder/cohort" "$work" --recipe phantom-4mm --device cpu
fi
for job in ${JOBS:-}; do asked+=(--job "$job"); done
if [[ $what == check ]]; then asked+=(--no-train --check "$kept"); fi
"$acadiff" benchmark generation "$folder/cohort" "$work" --out "$folder/out" \
    --methods all --draws 10 --device cpu "${asked[@]}"
