#!/bin/sh
# Turns the freshly installed root in $1 into the image that every machine boots from: nothing starts but sshd
# (roles enable what a machine needs), and nothing that a short boot does not need is left in the way.
set -eu
root=$1
units=$root/etc/systemd/system

# Debian enables services when their package is installed. Take all of that back, for good: a preset that disables everything
# keeps `systemctl preset` and a first boot from bringing it back.
find "$units" -mindepth 1 -maxdepth 1 -type d -name '*.wants' -exec rm -rf {} +
rm -f "$units"/syslog.service
mkdir -p "$root/etc/systemd/system-preset" "$units/multi-user.target.wants"
printf 'enable ssh.service\ndisable *\n' >"$root/etc/systemd/system-preset/00-pgfleet.preset"
ln -s /usr/lib/systemd/system/ssh.service "$units/multi-user.target.wants/ssh.service"

# Units that are no use in a machine whose network, clock, console and kernel belong to the hypervisor.
for unit in \
  systemd-networkd.service systemd-networkd.socket systemd-network-generator.service systemd-resolved.service \
  systemd-timesyncd.service systemd-firstboot.service systemd-machine-id-commit.service systemd-binfmt.service \
  systemd-udevd.service systemd-udev-trigger.service systemd-logind.service systemd-hostnamed.socket \
  systemd-update-done.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
  systemd-pcrlock.socket systemd-creds.socket systemd-sysext.socket systemd-mountfsd.socket systemd-importd.socket \
  systemd-journald-audit.socket systemd-pstore.service systemd-random-seed.service systemd-ask-password-console.path \
  systemd-ask-password-wall.path ldconfig.service \
  systemd-journal-catalog-update.service systemd-sysusers.service systemd-remount-fs.service systemd-tmpfiles-setup-dev.service \
  systemd-tmpfiles-setup-dev-early.service \
  getty.target getty@.service console-getty.service container-getty@.service serial-getty@.service \
  modprobe@.service kmod-static-nodes.service sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount proc-sys-fs-binfmt_misc.automount \
  remote-fs.target networking.service sshd-keygen.service ssh.socket rsyslog.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  logrotate.timer systemd-tmpfiles-clean.timer; do
  ln -sf /dev/null "$units/$unit"
done

# Generators that look for consoles, disks, TPMs and virtual sockets that a machine here has not: each is a process at every boot.
mkdir -p "$root/etc/systemd/system-generators"
for generator in debug getty gpt-auto hibernate-resume rc-local run ssh system-update tpm2; do
  ln -s /dev/null "$root/etc/systemd/system-generators/systemd-$generator-generator"
done

# sshd checks its configuration when it starts; the extra process that checks it before is not needed.
mkdir -p "$units/ssh.service.d"
printf '[Service]\nExecStartPre=\n' >"$units/ssh.service.d/pgfleet.conf"
ln -sf /usr/lib/systemd/system/multi-user.target "$units/default.target"

# The journal outlives the machine's power: it is what one reads after a crash.
mkdir -p "$root/etc/systemd/journald.conf.d" "$root/var/log/journal"
printf '[Journal]\nStorage=persistent\nSystemMaxUse=128M\nForwardToSyslog=no\n' >"$root/etc/systemd/journald.conf.d/pgfleet.conf"

# Identity is given to each machine when it is made: no keys, no machine id and no name in the image.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id"
: >"$root/etc/machine-id"
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nX11Forwarding no\nPrintMotd no\nMaxStartups 100\nMaxSessions 100\n' \
  >"$root/etc/ssh/sshd_config.d/00-pgfleet.conf"
mkdir -p "$root/root/.ssh"
chmod 700 "$root/root/.ssh"

# Were someone to install them later: they would never restart a database.
mkdir -p "$root/etc/needrestart/conf.d" "$root/etc/apt/apt.conf.d"
printf '$nrconf{restart} = "l";\n' >"$root/etc/needrestart/conf.d/pgfleet.conf"
printf 'APT::Periodic::Enable "0";\nAPT::Periodic::Unattended-Upgrade "0";\n' >"$root/etc/apt/apt.conf.d/90pgfleet"
echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
