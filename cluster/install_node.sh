#!/usr/bin/env bash
# Makes ~/rlhp-env on a node from ~/rlhp_ray/constraints.txt; does nothing where that was done for the same files.
#     bash ~/rlhp_ray/cluster/install_node.sh [extra,extra]
set -euo pipefail
extras=${1:-cluster}
cd ~/rlhp_ray
wanted=$(cat setup.cfg constraints.txt <(echo "$extras") | sha256sum)
if [ "$(cat ~/rlhp-env/.installed 2> /dev/null)" = "$wanted" ]; then exit 0; fi
python3.11 -m venv ~/rlhp-env
~/rlhp-env/bin/python -m pip install --quiet -c constraints.txt -e ".[$extras]"
echo "$wanted" > ~/rlhp-env/.installed
