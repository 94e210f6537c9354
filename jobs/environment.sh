# What a job does around its work: Python, the node's disk, one program, and nothing left at the end.
#
# `movielake job NAME` puts this text into the script that it prints, so that one file is enough.
#
# MOVIELAKE_WHEELHOUSE   a folder of wheels: a virtual environment is made of them on the node's own
#                        disk, offline. Without it, the environment you submit from is used.
# MOVIELAKE_PACKAGES     what to install into it; "movielake" by default.
#
# What to edit: the first line below, if your cluster has Python behind a module; the second, if your
# own computer knows the login node by another name.

# module load python/3.11
movielake_login=${USER:-$(id -un)}@${SLURM_SUBMIT_HOST:-$(hostname)}

# Makes movielake available on this node, and its scratch: the job's folder on the node's own disk.
movielake_environment() {
    local own=/tmp/movielake-${SLURM_JOB_ID:-$$} packages
    export SLURM_TMPDIR="${SLURM_TMPDIR:-$own}" # where your cluster has no such folder, one of ours
    (umask 077 && mkdir -p "$SLURM_TMPDIR/movielake")
    if [[ ! -O $SLURM_TMPDIR/movielake || -L $SLURM_TMPDIR ]]; then
        echo "expected $SLURM_TMPDIR to be yours, found somebody else's; set SLURM_TMPDIR" >&2
        return 2
    fi
    if [[ -n ${MOVIELAKE_WHEELHOUSE:-} ]]; then
        VIRTUAL_ENV=$SLURM_TMPDIR/movielake/environment
        if [[ ! -e $VIRTUAL_ENV/complete ]]; then
            read -ra packages <<<"${MOVIELAKE_PACKAGES:-movielake}"
            python3 -m venv --clear "$VIRTUAL_ENV"
            "$VIRTUAL_ENV/bin/python" -m pip --disable-pip-version-check --quiet install \
                --no-index --find-links "$MOVIELAKE_WHEELHOUSE" "${packages[@]}"
            touch "$VIRTUAL_ENV/complete"
        fi
    fi
    # shellcheck source=/dev/null
    [[ -z ${VIRTUAL_ENV:-} ]] || source "$VIRTUAL_ENV/bin/activate"
    if ! command -v movielake >/dev/null || ! python -c "import movielake"; then
        echo "found no movielake: activate its environment before sbatch, or set MOVIELAKE_WHEELHOUSE" >&2
        return 2
    fi
}

# Starts COMMAND beside the script, which hears signals only so.
movielake_start() {
    "$@" &
    movielake_beside+=($!)
}

# Runs COMMAND to its end; fails if what was started beside it ends before.
movielake_run() {
    local pid
    "$@" &
    movielake_program=$!
    while ((${#movielake_beside[@]})) && kill -0 "$movielake_program" 2>/dev/null; do
        for pid in "${movielake_beside[@]}"; do
            kill -0 "$pid" 2>/dev/null || return 3 # it has said why
        done
        sleep 0.2
    done
    wait "$movielake_program"
}

# Runs the user's PROGRAM (.py or .ipynb) with ARGUMENTs, in the folder that comes back as results.
movielake_run_program() {
    local program
    program=$(realpath -e -- "$1")
    mkdir -p "$movielake_results"
    cd "$movielake_results" || return
    if [[ $program == *.ipynb ]]; then
        movielake_run papermill "$program" "${program##*/}" "${@:2}"
    else
        movielake_run python "$program" "${@:2}"
    fi
}

# Sends SIGNAL to the process PID, and SIGKILL to what is left of its group after SECONDS.
movielake_stop() {
    local deadline=$((SECONDS + $3))
    kill -s "$1" "$2"
    while kill -0 "$2" && ((SECONDS < deadline)); do
        sleep 0.1
    done
    kill -s KILL -- "-$2"
} 2>/dev/null # whatever is gone already

# Ends what was started beside the script; multinode.sbatch has its own.
movielake_close() {
    :
}

# Ends the job, however it ends: stops what runs, brings the results back, leaves nothing behind.
movielake_finish() {
    local status=$?
    trap '' TERM USR1 INT
    set +eu # whatever fails now, or was not begun
    cd /
    [[ -z $movielake_program ]] || movielake_stop INT "$movielake_program" "$movielake_patience"
    if [[ -d $movielake_results && -n $(ls -A "$movielake_results") ]]; then
        mkdir -p "$movielake_back" && cp -R "$movielake_results/." "$movielake_back" || status=4
    fi
    rm -rf -- ${movielake_results:+"$movielake_results"} ${movielake_shared:+"$movielake_shared"} # first what must not stay
    movielake_close
    movielake_sweep
    exit "$status"
}

# Removes what is ours on this node: environment, staged lake, scratch of workers.
movielake_sweep() {
    rm -rf -- "${SLURM_TMPDIR:?}"/movielake "$SLURM_TMPDIR"/movielake-*
    [[ $SLURM_TMPDIR != /tmp/movielake-* ]] || rmdir "$SLURM_TMPDIR" 2>/dev/null || true
}

# Prints what to type on one's own computer to reach these PORTs, which are open to this node only.
movielake_tunnel() {
    local port line="ssh -N -J $movielake_login"
    for port in "$@"; do
        line+=" -L $port:127.0.0.1:$port"
    done
    echo "    $line ${USER:-$(id -un)}@$(hostname)"
}

set -m # so that each program has its own process group, and hears Ctrl-C's signal, SIGINT
movielake_program="" movielake_shared="" movielake_results="" movielake_back="" movielake_patience=10 movielake_beside=()
trap movielake_finish EXIT
trap 'exit 143' TERM                       # cancelled, or past the time limit: seconds are left
trap 'movielake_patience=60; exit 124' USR1 # near the time limit, as --signal says
movielake_environment
movielake_results=$SLURM_TMPDIR/results-of-movielake
movielake_back=${SLURM_SUBMIT_DIR:-$PWD}/results-${SLURM_JOB_ID:-$$}
