#!/usr/bin/env bash
# Every method on equal terms, at 4 mm, on 600 SIMULATED people.
#
#     benchmarks/generation.sh make FOLDER     train what is not trained, impute, score, compare: hours
#     benchmarks/generation.sh keep FOLDER     copy what is trained, without its state, to results/
#     benchmarks/generation.sh check FOLDER    from the weights in results/ come to the same table
#     benchmarks/generation.sh ablate FOLDER   ACADiff without its parts, on the three tasks with two sources
#
# FOLDER holds cohort/, work/ and out/. Killed, it goes on where it was. JOBS="ldm-FDG ldm-MRI" does
# these jobs alone, so that several processes can share the work. `check` takes all 60 test people,
# which are some four hours, or the first so many: PEOPLE=3. Both impute in single precision, as every
# processor can; `ablate` in bfloat16, where the processor has it. `make` and `ablate` take the jobs
# that results/ keeps as done: remove one there to have it made anew.
set -euo pipefail
if (($# != 2)) || [[ ! $1 =~ ^(make|keep|check|ablate)$ ]]; then
    sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
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
        if [[ $name == *@* ]]; then # only the logs: an ablation's weights are as large as ACADiff's own
            to=$kept/ablations/$name
            mkdir -p "$to"
        else
            to=$kept/models/generators/$name
            mkdir -p "$to"
            cp "$made"/{generator.json,generator.safetensors} "$to"
        fi
        for told in "$made"/{recipe.toml,training.json}; do
            if [[ -e $told ]]; then cp "$told" "$to"; fi
        done
        for log in "$made"/*/steps.jsonl; do
            [[ -e $log ]] || continue
            phase=$(basename "$(dirname "$log")")
            awk 'NR % 50 == 1' "$log" >"$to/$phase.jsonl"
        done
    done
    exit
fi

"$acadiff" simulate "$folder/cohort" --subjects 600 --voxel 4 --seed 2026 --jobs 2
mkdir -p "$work"
cp -R "$package"/. "$work" # the codecs and ACADiff itself
cp -R "$kept/models"/. "$work"
asked=()
if [[ $what == make || $what == ablate ]]; then # latents, which training reads
    "$acadiff" compress "$folder/cohort" "$work" --recipe phantom-4mm --device cpu
fi
for job in ${JOBS:-}; do asked+=(--job "$job"); done
if [[ $what == ablate ]]; then
    out=$folder/ablations
    mkdir -p "$out"
    if [[ -d $kept/ablations/jobs ]]; then # with JOBS="acadiff@concat-MRI …" only these are made anew
        cp -Rn "$kept/ablations/jobs" "$out"
    fi
    asked+=(--methods acadiff)
    for task in FDG+AV45-MRI MRI+AV45-FDG MRI+FDG-AV45; do asked+=(--task "$task"); done
    for variant in concat=fusion.kind=concat no-prompt=conditioning.detail=none \
        no-film=anchor.modulation=shift,denoiser.modulation=shift \
        no-consistency=diffusion.consistency=0 together=conditioning.both=1 \
        epsilon=diffusion.prediction=epsilon steps-5=diffusion.steps=5 steps-20=diffusion.steps=20 \
        steps-50=diffusion.steps=50 draws-1=draws=1 draws-5=draws=5 draws-20=draws=20; do
        asked+=(--variant "$variant")
    done
elif [[ $what == check ]]; then
    out=$folder/checked
    asked+=(--methods all --no-train --single-precision --check "$kept")
    asked+=(--tolerance "${TOLERANCE:-0.001}")
    if [[ -n ${PEOPLE:-} ]]; then asked+=(--subjects "$PEOPLE"); fi
else
    out=$folder/out
    asked+=(--methods all --single-precision --ceiling)
    mkdir -p "$out"
    if [[ -d $kept/jobs ]]; then cp -Rn "$kept/jobs" "$out"; fi
fi
"$acadiff" benchmark generation "$folder/cohort" "$work" --out "$out" \
    --draws 10 --device cpu "${asked[@]}"
