#!/usr/bin/env bash
# What a fresh Debian 12, or an Ubuntu that offers Python 3.11, lacks; a second call finds it installed.
set -euo pipefail
sudo apt-get -q update
sudo DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
    git rsync python3.11 python3.11-venv nfs-common libgl1
