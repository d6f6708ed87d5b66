#!/usr/bin/env bash
# Makes /srv/rlhp of the head the same directory on every node, by NFS 4 inside the cluster's network.
#     share_disk.sh serve              on the head
#     share_disk.sh mount HEAD_IP      on a worker
set -euo pipefail
sudo mkdir -p /srv/rlhp
case ${1:?serve or mount} in
serve)
    sudo DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends nfs-kernel-server
    sudo chown "$(id -u):$(id -g)" /srv/rlhp
    # What the firewall of the cluster lets in may mount it: the other nodes.
    echo '/srv/rlhp *(rw,sync,no_subtree_check,no_root_squash)' | sudo tee /etc/exports.d/rlhp.exports > /dev/null
    sudo exportfs -ra
    ;;
mount)
    mountpoint -q /srv/rlhp || sudo mount -t nfs4 "${2:?address of the head}:/srv/rlhp" /srv/rlhp
    ;;
*)
    echo "share_disk.sh: got $1; expected serve or mount" >&2
    exit 2
    ;;
esac
