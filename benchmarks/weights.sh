#!/usr/bin/env bash
# Make the weights that come with the package, from nothing: simulate, compress, train, calibrate, copy.
#
#     benchmarks/weights.sh FOLDER
#
# Writes FOLDER/cohort and FOLDER/work, then src/acadiff/pretrained/phantom-4mm. Killed, it goes on
# where it was. All people are SIMULATED.
set -euo pipefail
if (($# != 1)); then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
folder=$1
acadiff=${ACADIFF:-acadiff}
here=$(cd "$(dirname "$0")/.." && pwd)

"$acadiff" simulate "$folder/cohort" --subjects 600 --voxel 4 --seed 2026 --jobs 2
"$acadiff" compress "$folder/cohort" "$folder/work" --recipe phantom-4mm --device cpu
"$acadiff" train "$folder/cohort" "$folder/work" --recipe phantom-4mm --device cpu
"$acadiff" train "$folder/cohort" "$folder/work" --recipe phantom-4mm --method mean --device cpu
"$acadiff" calibrate "$folder/cohort" "$folder/work"
python - "$folder/work" "$here/src/acadiff/pretrained/phantom-4mm" <<'EOF'
import sys
from pathlib import Path

from acadiff import Imputer

Imputer.load(Path(sys.argv[1])).save_pretrained(sys.argv[2])
EOF
