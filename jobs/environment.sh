# The setup and the cleanup of a job: Python, the node's disk, one program, and no remaining files.
#
# `movielake job NAME` inserts this text into the script that it prints, so one file is enough.
#
# MOVIELAKE_WHEELHOUSE   a folder of wheels. The job makes a virtual environment from them on the
#                        node's own disk, offline. Without it, the job uses the environment you
#                        submit from.
# MOVIELAKE_PACKAGES     the packages to install into it, "movielake" by default.
#
# Lines to edit:
# - the first line below, if your cluster provides Python as a module
# - the second line, if your own computer uses another name for the login node

# module load python/3.11
movielake_login=${USER:-$(id -un)}@${SLURM_SUBMIT_HOST:-$(hostname)}

# Sets up movielake on this node, and its scratch, the job's folder on the node's own disk.
movielake_environment() {
    local own=/tmp/movielake-${SLURM_JOB_ID:-$$} packages
    export SLURM_TMPDIR="${SLURM_TMPDIR:-$own}" # our own folder, if the cluster sets none
    (umask 077 && mkdir -p "$SLURM_TMPDIR/movielake")
    if [[ ! -O $SLURM_TMPDIR/movielake || -L $SLURM_TMPDIR ]]; then
        echo "expected $SLURM_TMPDIR to be your folder, found a link or another user's folder;" \
            "set SLURM_TMPDIR to a folder of yours" >&2
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
        echo "expected movielake on PATH, found no movielake;" \
            "activate its environment before sbatch, or set MOVIELAKE_WHEELHOUSE" >&2
        return 2
    fi
}

# Starts COMMAND in the background, because bash delays traps while a command is in the foreground.
movielake_start() {
    "$@" &
    movielake_beside+=($!)
}

# Runs COMMAND to its end. Fails if a command in the background ends before it.
movielake_run() {
    local pid
    "$@" &
    movielake_program=$!
    while ((${#movielake_beside[@]})) && kill -0 "$movielake_program" 2>/dev/null; do
        for pid in "${movielake_beside[@]}"; do
            kill -0 "$pid" 2>/dev/null || return 3 # that command has printed the reason
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

# Sends SIGNAL to the process PID, waits up to SECONDS for its end, and kills the rest of its group.
movielake_stop() {
    local deadline=$((SECONDS + $3))
    kill -s "$1" "$2"
    while kill -0 "$2" && ((SECONDS < deadline)); do
        sleep 0.1
    done
    kill -s KILL -- "-$2"
} 2>/dev/null # hides the errors for processes that have ended already

# Ends the commands in the background. multinode.sbatch replaces this function.
movielake_close() {
    :
}

# Runs at every end of the job: stops the program, copies the results back, removes all other files.
movielake_finish() {
    local status=$?
    trap '' TERM USR1 INT
    set +eu # go on after errors, and if variables are not set yet
    cd /
    [[ -z $movielake_program ]] || movielake_stop INT "$movielake_program" "$movielake_patience"
    if [[ -d $movielake_results && -n $(ls -A "$movielake_results") ]]; then
        mkdir -p "$movielake_back" && cp -R "$movielake_results/." "$movielake_back" || status=4
    fi
    rm -rf -- ${movielake_results:+"$movielake_results"} ${movielake_shared:+"$movielake_shared"} # secrets first
    movielake_close
    movielake_sweep
    exit "$status"
}

# Removes our files on this node: the environment, the staged lake, the workers' scratch.
movielake_sweep() {
    rm -rf -- "${SLURM_TMPDIR:?}"/movielake "$SLURM_TMPDIR"/movielake-*
    [[ $SLURM_TMPDIR != /tmp/movielake-* ]] || rmdir "$SLURM_TMPDIR" 2>/dev/null || true
}

# Prints the command that connects the user's own computer to these PORTs on this node's loopback.
movielake_tunnel() {
    local port line="ssh -N -J $movielake_login"
    for port in "$@"; do
        line+=" -L $port:127.0.0.1:$port"
    done
    echo "    $line ${USER:-$(id -un)}@$(hostname)"
}

set -m # so that each program has its own process group, and does not ignore SIGINT, Ctrl-C's signal
movielake_program="" movielake_shared="" movielake_results="" movielake_back="" movielake_patience=10 movielake_beside=()
trap movielake_finish EXIT
trap 'exit 143' TERM                       # cancelled or past the time limit, with seconds left
trap 'movielake_patience=60; exit 124' USR1 # close to the time limit, as --signal sets
movielake_environment
movielake_results=$SLURM_TMPDIR/results-of-movielake
movielake_back=${SLURM_SUBMIT_DIR:-$PWD}/results-${SLURM_JOB_ID:-$$}
