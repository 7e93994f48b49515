#!/bin/bash
# An array of shares, without Ray:  sbatch --array=1-32 docs/cluster/slurm.sh
# When all are done:
#   vgenre merge "$FILMS" --journal "$OUTPUT/share-*.journal" --output labels.csv
# A share that was killed goes on where it was when it is submitted again.
#SBATCH --job-name=vgenre
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=08:00:00
#SBATCH --requeue

set -euo pipefail

FILMS=${FILMS:-/archive/films}
OUTPUT=${OUTPUT:-/archive/labels}

mkdir -p "$OUTPUT"
status=0
vgenre label "$FILMS" --quiet --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --output "$OUTPUT/share-$SLURM_ARRAY_TASK_ID.jsonl" || status=$?

# 3: some films could not be read. Each of them has a record that says why: the share is done.
if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then
    exit "$status"
fi
