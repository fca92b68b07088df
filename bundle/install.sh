#!/bin/sh
# Installs this bundle without a network: into /opt/cbt as root, into ~/cbt as an ordinary user.
#
#   FOLDER/versions/VERSION-XXXXXXXX   an environment for each bundle that was installed
#   FOLDER/current, FOLDER/former      the one in use, and the one before it
#   FOLDER/bin                         current/bin: FOLDER/bin/cbt stays the same through every upgrade
#
# As root, where systemd is in charge, it writes the service as well (cbt service install), and starts nothing.
#
# A new environment is made beside the one in use, which is exchanged by one rename: whatever stops this script, the
# former product works, and running it again finishes what was begun.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

say() { printf '%s\n%s\n' "$1" "$2"; }
refuse() { say "$1" "$2" >&2; exit 2; }
usage() {
    say "用法：install.sh [--to 文件夹] [--python 命令] [--no-service] [--back]" \
        "usage: install.sh [--to FOLDER] [--python COMMAND] [--no-service] [--back]"
}

to="" python="" back="" service=yes
while [ $# -gt 0 ]; do
    case $1 in
        --to) [ $# -gt 1 ] || { usage >&2; exit 2; }; to=$2; shift ;;
        --python) [ $# -gt 1 ] || { usage >&2; exit 2; }; python=$2; shift ;;
        --no-service) service="" ;;
        --back) back=yes ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
if [ -z "$to" ]; then
    if [ "$(id -u)" = 0 ]; then to=/opt/cbt; else to=$HOME/cbt; fi
fi

# Which command of the distribution brings what is missing, from its medium.
hint() {
    if command -v apt-get >/dev/null 2>&1; then echo "apt-get install python3 python3-venv"
    elif command -v dnf >/dev/null 2>&1; then echo "dnf install python3.11"
    elif command -v zypper >/dev/null 2>&1; then echo "zypper install python311"
    elif command -v yum >/dev/null 2>&1; then echo "yum install python3.11"
    else echo "python3 ($(tr '\n' ' ' <"$here/PYTHONS"))"
    fi
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true; }
served() { [ -n "$1" ] && grep -qx "$1" "$here/PYTHONS"; }

find_python() {
    if [ -n "$python" ]; then
        served "$(version_of "$python")" && return
    else
        for one in python3 $(sed 's/^/python/' "$here/PYTHONS"); do
            if served "$(version_of "$one")"; then python=$one; return; fi
        done
    fi
    versions=$(tr '\n' ' ' <"$here/PYTHONS")
    refuse "没有找到可用的 Python：需要 ${versions% } 之一，这里是 $(version_of "${python:-python3}")。请从发行版的安装介质安装：$(hint)" \
        "No Python that serves: one of ${versions% } is needed, this is $(version_of "${python:-python3}"). Install it from the distribution's medium: $(hint)"
}

check_machine() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || refuse "这个安装包用于 Linux x86_64，这台机器是 $(uname -s) $(uname -m)。请换用对应的安装包。" \
        "This bundle is for Linux x86_64 and this is $(uname -s) $(uname -m): take the bundle that was made for it."
    if [ -e "$to/pyvenv.cfg" ]; then
        refuse "$to 是手工建立的环境，不在其上安装。请停止服务，运行 mv $to $to-former，再运行本脚本；mv 回去即可退回。" \
            "$to is an environment made by hand, and nothing is installed over it. Stop the service, run mv $to $to-former, and run this again; moving it back is the way back."
    fi
    [ ! -e "$to" ] || [ -d "$to/versions" ] || [ -z "$(ls -A "$to")" ] || refuse "$to 里已有别的文件。请用 --to 指定一个空文件夹。" \
        "$to holds other files. Name an empty folder by --to."
    mkdir -p "$to/versions" 2>/dev/null || refuse "无权写入 $to。请以 root 运行，或用 --to 指定自己的文件夹。" \
        "$to may not be written to. Run this as root, or name a folder of yours by --to."
    free=$(df -Pk "$to" | awk 'NR == 2 { print $4 }')
    [ "$free" -gt 409600 ] || refuse "$to 所在磁盘只剩 $((free / 1024)) MiB，需要 400 MiB。请腾出空间或用 --to 换一处。" \
        "Only $((free / 1024)) MiB are left where $to lies, and 400 are needed. Make room, or name another place by --to."
}

check_whole() {
    (cd "$here" && sha256sum --quiet --check SHA256SUMS >/dev/null 2>&1) || refuse "安装包不完整或被改动过（sha256sum -c SHA256SUMS 可看到是哪个文件）。请重新拷贝一份。" \
        "The bundle is not whole, or was changed (sha256sum -c SHA256SUMS names the file). Copy it again."
}

check_venv() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null || refuse "$python 没有 venv 组件。请从发行版的安装介质安装：$(hint)" \
        "$python comes without venv. Install it from the distribution's medium: $(hint)"
}

# A link is exchanged by one rename, so that there is no moment without one.
point() { ln -s "$2" "$1.new.$$" && mv -fT "$1.new.$$" "$1"; }

make_environment() {
    rm -rf "$to/versions/$name"
    "$python" -m venv "$to/versions/$name"
    "$to/versions/$name/bin/python" -m pip --isolated --quiet --disable-pip-version-check install --no-index \
        --no-deps --find-links "$here/wheels" --require-hashes --only-binary :all: -r "$here/requirements.txt"
    "$to/versions/$name/bin/cbt" --version >/dev/null
    touch "$to/versions/$name/.whole"
}

go_back() {
    [ -e "$to/former/.whole" ] || refuse "$to 里没有先前的版本可退回。" "$to holds no former version to return to."
    before=$(readlink "$to/current")
    point "$to/current" "$(readlink "$to/former")"
    point "$to/former" "$before"
    say "已回到 $("$to/bin/cbt" --version)。若数据库已被新版本升级，请先恢复升级前的备份，再启动：cbt restore 备份 --into 空文件夹" \
        "Back at $("$to/bin/cbt" --version). Where the newer version has changed the database, restore the backup from before the upgrade first: cbt restore BACKUP --into EMPTY-FOLDER"
}

# Nothing of this shell's settings for Python reaches the installation, nor an index that a file names.
unset PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
for one in $(env | sed -n 's/^\(PIP_[A-Z_]*\)=.*/\1/p'); do unset "$one"; done
export PIP_CONFIG_FILE=/dev/null PIP_ROOT_USER_ACTION=ignore

if [ -n "$back" ]; then go_back; exit 0; fi

check_machine
find_python
check_venv
check_whole
exec 9>"$to/.lock"
if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
    refuse "另一个安装正在 $to 进行。请等它结束。" "Another installation is at work in $to. Wait until it has ended."
fi

# By version and by content: another bundle of the same version is another environment.
version=$(sed -n 's/^cbt-engine==\([^ ]*\).*/\1/p' "$here/requirements.txt")
name=$version-$(sha256sum "$here/SHA256SUMS" | cut -c1-8)
if [ -e "$to/versions/$name/.whole" ]; then
    say "$name 已经装好。" "$name is installed already."
else
    say "正在安装 $name 到 $to ……" "Installing $name into $to ..."
    make_environment
fi
if [ "$(readlink "$to/current" 2>/dev/null || true)" != "versions/$name" ]; then
    if [ -e "$to/current/.whole" ]; then point "$to/former" "$(readlink "$to/current")"; fi
    point "$to/current" "versions/$name"
fi
[ -L "$to/bin" ] || point "$to/bin" current/bin
for one in "$to"/versions/*; do
    case versions/${one##*/} in
        "$(readlink "$to/current")" | "$(readlink "$to/former" 2>/dev/null || true)") ;;
        *) rm -rf "$one" ;;
    esac
done

"$to/bin/cbt" --version
if [ -e "$to/former" ]; then
    say "先前的版本仍在 $to/former；退回：sh install.sh --back。" "The former version is kept in $to/former; the way back: sh install.sh --back"
fi
written=""
if [ -n "$service" ] && [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ]; then
    "$to/bin/cbt" service install  # it says itself what comes next
    written=yes
fi
if [ -e "$to/former" ]; then
    say "下一步：$to/bin/cbt upgrade --check" "Next: $to/bin/cbt upgrade --check"
elif [ -z "$written" ]; then
    say "下一步：$to/bin/cbt docs operations" "Next: $to/bin/cbt docs operations"
fi
