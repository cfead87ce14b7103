#!/usr/bin/env bash
# Impute the test subjects for all nine tasks (three from two scans, six from one) and score them.
#
#     benchmarks/nine_tasks.sh COHORT WORK OUT
#
# Reads WORK (split.tsv, codecs, generators), writes OUT/<method>/<sources>/ and OUT/results/.
# What is done is skipped; for other methods or fewer draws: METHODS="acadiff mean" DRAWS=10.
set -euo pipefail
if (($# != 3)); then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
cohort=$1 work=$2 out=$3
acadiff=${ACADIFF:-acadiff}

mapfile -t test < <(awk -F '\t' '$2 == "test" { print $1 }' "$work/split.tsv")
((${#test[@]})) || { echo "$work/split.tsv names no test subject" >&2; exit 65; }
subjects=()
for id in "${test[@]}"; do subjects+=(--participant-label "$id"); done

roots=()
for method in ${METHODS:-acadiff mean}; do
    draws=${DRAWS:-10}
    if [[ $method == mean ]]; then # every draw would be the same
        draws=1
        "$acadiff" train "$cohort" "$work" --method mean
    fi
    for sources in MRI FDG AV45 MRI+FDG MRI+AV45 FDG+AV45; do
        root=$out/$method/$sources
        "$acadiff" impute "$cohort" "$root" --model "$work" --method "$method" --draws "$draws" \
            --keep-draws --source "${sources%+*}" --source "${sources#*+}" "${subjects[@]}"
        roots+=("$root")
    done
done
"$acadiff" score "${roots[@]}" --cohort "$cohort" --out "$out/results" --jobs "${JOBS:-2}"
