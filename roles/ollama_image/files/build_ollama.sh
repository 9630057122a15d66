#!/usr/bin/env bash
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds a container image of Ollama from its Go module, for a host that cannot pull the published image.
# Run it with --help for the options.

set -euo pipefail

readonly GO_MINIMUM_MINOR=26
# The module archive of Ollama leaves out its folders named vendor; this module carries the one header that
# Debian does not package.
readonly MINIAUDIO_MODULE=github.com/gen2brain/malgo@v0.11.24

version=0.24.0
image=
mode=load
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/llmops-tenancy

usage() {
    cat <<'USAGE'
Usage: build_ollama.sh [--version X.Y.Z] [--image NAME:TAG] [--cache DIR] [--archive | --binary]

Builds Ollama from the Go module proxy into an image archive in the cache, and loads it into the Docker Engine
(DOCKER_HOST is honoured). The last line of the output says what was done: "changed: ..." or "ok: ...".

  --version X.Y.Z   release of Ollama to build (default 0.24.0, the last with the runner inside the binary)
  --image NAME:TAG  name of the image in the engine (default docker.io/ollama/ollama:<version>)
  --cache DIR       folder of the archives (default ${XDG_CACHE_HOME:-$HOME/.cache}/llmops-tenancy)
  --archive         only build; print the path of the archive, which `docker load` reads
  --binary          only build; print the path of the binary of Ollama
USAGE
}

# die NAME CAUSE REMEDY
die() {
    printf 'build_ollama.sh: %s: %s. Remedy: %s.\n' "$1" "$2" "$3" >&2
    exit 1
}

parse_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            --version | --image | --cache)
                [ $# -ge 2 ] || die "option $1" "it has no value" "give one, see --help"
                case $1 in
                    --version) version=$2 ;;
                    --image) image=$2 ;;
                    --cache) cache=$2 ;;
                esac
                shift 2
                ;;
            --archive) mode=archive; shift ;;
            --binary) mode=binary; shift ;;
            --help) usage; exit 0 ;;
            *) die "option $1" "it is unknown" "see --help" ;;
        esac
    done
    case $version in
        *[!0-9.]* | '') die "version '$version'" "it is not of the form 0.24.0" "name a release of Ollama" ;;
    esac
    image=${image:-docker.io/ollama/ollama:$version}
    case $image in
        *@*) die "image '$image'" "a build cannot have a given digest" "name it by a tag" ;;
    esac
    case ${image##*/} in
        *:*) ;;
        *) image=$image:latest ;;
    esac
}

require_go() {
    local found
    command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
    command -v go >/dev/null ||
        die "Go toolchain" "no 'go' command was found" \
            "install Go 1.$GO_MINIMUM_MINOR or newer, or give the image as an archive"
    found=$(GOTOOLCHAIN=local go env GOVERSION)
    if [[ ! $found =~ ^go([0-9]+)\.([0-9]+) ]] ||
        ((BASH_REMATCH[1] == 1 && BASH_REMATCH[2] < GO_MINIMUM_MINOR)); then
        die "Go toolchain" "found '$found', Ollama $version needs Go 1.$GO_MINIMUM_MINOR" \
            "install Go 1.$GO_MINIMUM_MINOR or newer, or give the image as an archive"
    fi
}

install_build_dependencies() {
    local missing=()
    command -v gcc >/dev/null || missing+=(gcc libc6-dev)
    command -v g++ >/dev/null || missing+=(g++)
    [ -e /usr/include/nlohmann/json.hpp ] || missing+=(nlohmann-json3-dev)
    [ -e /usr/include/stb/stb_image.h ] || missing+=(libstb-dev)
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "build dependencies" "missing: ${missing[*]}, and this system has no apt-get" "install them"
    {
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    } >&2 ||
        die "build dependencies" "apt-get could not install ${missing[*]}" "run this as root, with a reachable mirror"
}

# build_binary FILE
build_binary() {
    local work=$1.build module
    rm -rf "$work"
    mkdir -p "$work/include/miniaudio" "$work/bin"
    # Outside of any module, so that no go.mod of a checkout changes the versions that Ollama pins.
    cd "$work"
    module=$(go mod download -json "$MINIAUDIO_MODULE" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
    [ -e "$module/miniaudio.h" ] ||
        die "header miniaudio.h" "the module $MINIAUDIO_MODULE could not be downloaded" \
            "check the Go module proxy (go env GOPROXY)"
    cp "$module/miniaudio.h" "$work/include/miniaudio/"
    printf 'building Ollama %s, about three minutes on two cores\n' "$version" >&2
    GOBIN=$work/bin GOTOOLCHAIN=local CGO_ENABLED=1 CGO_CPPFLAGS="-I$work/include" \
        go install -trimpath -ldflags "-s -w -X github.com/ollama/ollama/version.Version=$version" \
        "github.com/ollama/ollama@v$version" >&2 ||
        die "build of Ollama $version" "'go install' failed, see above" "check the version and the Go module proxy"
    mv "$work/bin/ollama" "$1"
    cd /
    rm -rf "$work"
}

# The layout of the published image: merged /usr, the binary in /usr/bin, found as /bin/ollama.
# build_root_files BINARY FOLDER
build_root_files() {
    local library
    mkdir -p "$2"/usr/{bin,lib,lib64} "$2"/etc/ssl/certs "$2"/{proc,sys,dev,run,var/tmp}
    ln -s usr/bin "$2/bin"
    ln -s usr/lib "$2/lib"
    ln -s usr/lib64 "$2/lib64"
    mkdir -m 0700 "$2/root"
    mkdir -m 1777 "$2/tmp"
    install -m 0755 "$1" "$2/usr/bin/ollama"
    ldd "$1" | grep -o '/[^ ]*' | while read -r library; do
        install -D -m 0755 "$library" "$2$library"
    done
    install -m 0644 /etc/ssl/certs/ca-certificates.crt "$2/etc/ssl/certs/"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$2/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$2/etc/group"
    printf 'hosts: files dns\n' >"$2/etc/nsswitch.conf"
}

reproducible_tar() {
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu "$@"
}

sha256_of() {
    sha256sum "$1" | cut -d ' ' -f 1
}

# An archive as `docker save` writes it, made without an engine: the same files give the same image id on
# every host.
# build_archive BINARY FILE
build_archive() {
    local work=$2.build layer config architecture
    rm -rf "$work"
    mkdir -p "$work/archive"
    build_root_files "$1" "$work/root"
    reproducible_tar -C "$work/root" -cf "$work/layer.tar" .
    layer=$(sha256_of "$work/layer.tar")
    mkdir "$work/archive/$layer"
    mv "$work/layer.tar" "$work/archive/$layer/layer.tar"
    architecture=$(GOTOOLCHAIN=local go env GOARCH)
    cat >"$work/config.json" <<JSON
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z",
"config":{"Entrypoint":["/bin/ollama"],"Cmd":["serve"],"ExposedPorts":{"11434/tcp":{}},
"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
"LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64","NVIDIA_DRIVER_CAPABILITIES=compute,utility",
"NVIDIA_VISIBLE_DEVICES=all","OLLAMA_HOST=0.0.0.0:11434"],
"Labels":{"llmops.tenancy.image_source":"build","org.opencontainers.image.version":"$version"}},
"history":[{"created":"1970-01-01T00:00:00Z","created_by":"build_ollama.sh --version $version"}],
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
JSON
    config=$(sha256_of "$work/config.json")
    mv "$work/config.json" "$work/archive/$config.json"
    printf '[{"Config":"%s.json","RepoTags":["ollama/ollama:%s"],"Layers":["%s/layer.tar"]}]\n' \
        "$config" "$version" "$layer" >"$work/archive/manifest.json"
    printf '[sha256:%s] build %s\n' "$layer" "$version" >"$work/contents"
    reproducible_tar -C "$work/archive" -cf "$work/image.tar" .
    mv "$work/contents" "$2.contents"
    # The archive comes last: where it is, all of it is.
    mv "$work/image.tar" "$2"
    rm -rf "$work"
}

# prepare BINARY ARCHIVE
prepare() {
    if [ -e "$1" ] && [ -e "$2" ] && [ -e "$2.contents" ]; then
        return 0
    fi
    require_go
    install_build_dependencies
    [ -e "$1" ] || build_binary "$1"
    build_archive "$1" "$2"
}

# What the engine has under a name, in the form of the file image.tar.contents. Not the id: engines with the image store
# of containerd count it otherwise.
contents_of() {
    docker image inspect --format "{{.RootFS.Layers}} {{index .Config.Labels \"llmops.tenancy.image_source\"}} \
{{index .Config.Labels \"org.opencontainers.image.version\"}}" "$1" 2>&1
}

# load_image ARCHIVE
load_image() {
    local name=ollama/ollama:$version wanted
    wanted=$(cat "$1.contents")
    command -v docker >/dev/null ||
        die "docker command" "it was not found" "install the Docker client, or use --archive"
    docker version >/dev/null 2>&1 ||
        die "Docker Engine" "it does not answer at ${DOCKER_HOST:-its default socket}" "start it, or set DOCKER_HOST"
    if [ "$(contents_of "$image")" = "$wanted" ]; then
        printf 'ok: %s is the one built here\n' "$image"
        return 0
    fi
    [ "$(contents_of "$name")" = "$wanted" ] || docker load --quiet --input "$1" >&2
    docker tag "$name" "$image"
    printf 'changed: %s is the one built here\n' "$image"
}

main() {
    local folder
    parse_options "$@"
    folder=$cache/ollama-$version
    mkdir -p "$folder"
    folder=$(realpath "$folder")
    exec 9>"$folder/lock"
    flock 9
    prepare "$folder/ollama" "$folder/image.tar"
    case $mode in
        archive) printf '%s\n' "$folder/image.tar" ;;
        binary) printf '%s\n' "$folder/ollama" ;;
        load) load_image "$folder/image.tar" ;;
    esac
}

main "$@"
