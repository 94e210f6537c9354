#!/usr/bin/env bash
# csvkit writes the time 19:30 as 0:19:30, minutes and seconds, when it only sorts or converts. Screens 1 and 0 become True and False.
# A good engineer expects that sorting a file keeps its values. The option --no-inference does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q csvkit==2.2.0 agate==1.14.2
venv/bin/python - <<'EOF'
import importlib.metadata
import subprocess

print("csvkit", importlib.metadata.version("csvkit"))
with open("showings.csv", "w") as file:
    file.write("theater_id,screen,show_time\n2,1,19:30\n1,0,20:15\n")


def sort(*options):
    command = ["venv/bin/csvsort", "-c", "theater_id", *options, "showings.csv"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


print(sort())
assert sort() == ["theater_id,screen,show_time", "1,False,0:20:15", "2,True,0:19:30"]
assert sort("--no-inference")[1:] == ["1,0,20:15", "2,1,19:30"]
EOF
