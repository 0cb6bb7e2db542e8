package io.jvmm.supervisor.config;

import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** Mistakes in {@code vm.toml}, each with what is said of it: place, key, what is wrong, cure. */
final class VmTomlComplaints {
    private static final String BOOT = "[boot]\nkernel = \"k\"\n";

    private VmTomlComplaints() {}

    static Stream<Arguments> complaints() {
        return Stream.of(
                // machine
                one(
                        "[machine]\n  memory = \"3000T\"\n" + BOOT,
                        "vm.toml:2:3: machine.memory: 3000 TiB is more than a guest can address (64 TiB). Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"32G\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: 32 GiB is more than this host has (23.5 GiB). Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = 512\n" + BOOT,
                        "vm.toml:2:1: machine.memory: is a number, and must be text. Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"512\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: \"512\" is a number of bytes, and too few. Say the unit, e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"lots\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: \"lots\" is not an amount of memory: a whole number and K, M, G or T. Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"-1G\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: \"-1G\" is not an amount of memory: a whole number and K, M, G or T. Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"9999999999999999999T\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: 9999999999999999999T is more than a guest can address (64 TiB). Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"4097K\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: 4195328 bytes is not a whole number of 4096-byte pages. The nearest is 4096K."),
                one(
                        "[machine]\nmemory = \"0M\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: 0 bytes is too little: a guest needs at least 2 MiB. Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nvcpus = 0\n" + BOOT,
                        "vm.toml:2:1: machine.vcpus: 0 is out of range, which is 1 to 64."),
                one(
                        "[machine]\nvcpus = 65\n" + BOOT,
                        "vm.toml:2:1: machine.vcpus: 65 is out of range, which is 1 to 64."),
                one(
                        "[machine]\nvcpus = 1.5\n" + BOOT,
                        "vm.toml:2:1: machine.vcpus: is a fraction, and must be a whole number, 1 to 64. Use e.g. vcpus = 1."),
                one(
                        "[machine]\nengine = \"kmv\"\n" + BOOT,
                        "vm.toml:2:1: machine.engine: \"kmv\" is not known. Did you mean \"kvm\"?"),
                one(
                        "[machine]\nengine = \"hypervisor\"\n" + BOOT,
                        "vm.toml:2:1: machine.engine: \"hypervisor\" is not known. Use one of \"kvm\", \"x86\", \"auto\"."),
                one(
                        "[machine]\nname = \"a/b\"\n" + BOOT,
                        "vm.toml:2:1: machine.name: \"a/b\" is no name: at most 63 letters, digits, '.', '_' and '-', beginning with a letter or digit. Use e.g. name = \"web-1\"."),
                // boot
                one("[machine]\nvcpus = 1\n", "vm.toml: boot.kernel: is missing. Add e.g. kernel = \"vmlinuz\"."),
                one(
                        "# empty\n\n[boot]\ninitrd = \"i\"\n",
                        "vm.toml:3:1: boot.kernel: is missing. Add e.g. kernel = \"vmlinuz\"."),
                one(
                        "[boot]\nkernel = \"\"\n",
                        "vm.toml:2:1: boot.kernel: the path is empty. Name a file, or remove the key."),
                one(
                        "[boot]\nkernel = true\n",
                        "vm.toml:2:1: boot.kernel: is true or false, and must be text. Use e.g. kernel = \"…\"."),
                one(
                        BOOT + "initrd = [\"a\"]\n",
                        "vm.toml:3:1: boot.initrd: is a list, and must be text. Use e.g. initrd = \"…\"."),
                one(
                        BOOT + "cmdline = \"" + "x".repeat(2048) + "\"\n",
                        "vm.toml:3:1: boot.cmdline: 2048 bytes are more than a kernel takes (2047). Shorten it."),
                one(
                        BOOT + "cmdline = \"a\\nb\"\n",
                        "vm.toml:3:1: boot.cmdline: a control character in it would end the line for the kernel. Remove it."),
                one(
                        BOOT + "cmdline = \"a\\u0000b\"\n",
                        "vm.toml:3:1: boot.cmdline: there is a NUL character in the text. Remove it."),
                one(
                        BOOT + "on_reset = \"reboot\"\n",
                        "vm.toml:3:1: boot.on_reset: \"reboot\" is not known. Use one of \"restart\", \"exit\"."),
                // serial
                one(
                        BOOT + "[[serial]]\nbackend = \"pty\"\n",
                        "vm.toml:3:1: serial[1].port: is missing. Add e.g. port = 1."),
                one(
                        BOOT + "[[serial]]\nport = 1\n",
                        "vm.toml:3:1: serial[1].backend: is missing. Add e.g. backend = \"terminal\"."),
                one(
                        BOOT + "[[serial]]\nport = 5\nbackend = \"pty\"\n",
                        "vm.toml:4:1: serial[1].port: 5 is out of range, which is 1 to 4."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"tty\"\n",
                        "vm.toml:5:1: serial[1].backend: \"tty\" is not known. Did you mean \"pty\"?"),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"file\"\n",
                        "vm.toml:3:1: serial[1].path: backend \"file\" needs a path. Add e.g. path = \"console.log\"."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"terminal\"\npath = \"p\"\n",
                        "vm.toml:6:1: serial[1].path: backend \"terminal\" has no path. Remove it."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"socket\"\npath = \"" + "p".repeat(120) + "\"\n",
                        "vm.toml:6:1: serial[1].path: a socket's path may have 107 bytes, and /etc/vms/"
                                + "p".repeat(120) + " has 129. Choose a shorter one."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"pty\"\nescape = \"ctrl-a\"\n",
                        "vm.toml:6:1: serial[1].escape: only a terminal has an escape key, and this is a pty. Remove it."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"pty\"\n[[serial]]\nport = 1\nbackend = \"none\"\n",
                        "vm.toml:7:1: serial[2].port: port 1 is taken by serial[1]. Choose another of 1 to 4."),
                one(
                        BOOT
                                + "[[serial]]\nport = 1\nbackend = \"terminal\"\n[[serial]]\nport = 2\nbackend = \"terminal\"\n",
                        "vm.toml:8:1: serial[2].backend: the terminal is taken by serial[1]. Use e.g. backend = \"pty\"."),
                one(
                        BOOT + "[serial]\nport = 1\nbackend = \"pty\"\n",
                        "vm.toml:3:1: serial: is a table, and must be a list of tables. Write [[serial]]."),
                // platform
                one(
                        BOOT + "[platform]\nrtc = \"gmt\"\n",
                        "vm.toml:4:1: platform.rtc: \"gmt\" is not known. Use \"utc\", \"localtime\", or a number of seconds since 1970."),
                one(
                        BOOT + "[platform]\nrtc = -1\n",
                        "vm.toml:4:1: platform.rtc: -1 is not a time the clock can show: 0 to 253402300799 seconds since 1970 (the year 9999)."),
                one(
                        BOOT + "[platform]\ndebug_console = 2\n",
                        "vm.toml:4:1: platform.debug_console: is a number, and must be text. Use e.g. debug_console = \"…\"."),
                // jail
                one(
                        BOOT + "[jail]\nuid_range = \"0-100\"\n",
                        "vm.toml:4:1: jail.uid_range: 0 may be a person's or a service's uid: the range must begin at 10000 or above. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nuid_range = \"65000-66000\"\n",
                        "vm.toml:4:1: jail.uid_range: 65000-66000 contains 65534, the uid of nobody. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nuid_range = \"200000-100000\"\n",
                        "vm.toml:4:1: jail.uid_range: 200000-100000 ends before it begins. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nuid_range = \"100000-100003\"\n",
                        "vm.toml:4:1: jail.uid_range: 100000-100003 are 4 uids: a range has at least 8. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nuid_range = \"100000\"\n",
                        "vm.toml:4:1: jail.uid_range: \"100000\" is not a range of uids. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nmode = \"log\"\n",
                        "vm.toml:4:1: jail.mode: \"log\" lets a process do what its policy forbids. Use \"enforce\", or accept it by adding --unsafe-jail-log to the command line."),
                one(
                        BOOT + "[jail]\nmode = \"off\"\n",
                        "vm.toml:4:1: jail.mode: \"off\" is not known. Use one of \"enforce\", \"log\"."),
                one(
                        BOOT + "[jail]\nmax_descriptors = 1\n",
                        "vm.toml:4:1: jail.max_descriptors: 1 is out of range, which is 64 to 4096."),
                one(
                        BOOT + "[jail]\nmax_threads = 9999\n",
                        "vm.toml:4:1: jail.max_threads: 9999 is out of range, which is 32 to 4096."),
                // ipc, lifecycle
                one(
                        BOOT + "[ipc]\nspin_us = 10001\n",
                        "vm.toml:4:1: ipc.spin_us: 10001 is out of range, which is 0 to 10000."),
                one(
                        BOOT + "[ipc]\nread_timeout_ms = 0\n",
                        "vm.toml:4:1: ipc.read_timeout_ms: 0 is out of range, which is 1 to 60000."),
                one(
                        BOOT + "[lifecycle]\nready_timeout_s = 0\n",
                        "vm.toml:4:1: lifecycle.ready_timeout_s: 0 is out of range, which is 1 to 600."),
                one(
                        BOOT + "[lifecycle]\npower_button_timeout_s = 1979-05-27\n",
                        "vm.toml:4:1: lifecycle.power_button_timeout_s: is a date or time, and must be a whole number, 0 to 3600. Use e.g. power_button_timeout_s = 30."),
                one(
                        BOOT + "[lifecycle]\nrestart_budget = -1\n",
                        "vm.toml:4:1: lifecycle.restart_budget: -1 is out of range, which is 0 to 100000."),
                one(
                        BOOT + "[lifecycle]\nrestart_window_s = 0\n",
                        "vm.toml:4:1: lifecycle.restart_window_s: 0 is out of range, which is 1 to 3600."),
                one(
                        BOOT + "[lifecycle]\nrestart_backoff_ms = 5001\n",
                        "vm.toml:4:1: lifecycle.restart_backoff_ms: 5001 is out of range, which is 0 to 5000."),
                one(
                        BOOT + "[lifecycle]\nstandby = \"some\"\n",
                        "vm.toml:4:1: lifecycle.standby: \"some\" is not known. Use \"all\", \"none\", or a list of classes, e.g. [\"block\", \"net\"]."),
                one(
                        BOOT + "[lifecycle]\nstandby = true\n",
                        "vm.toml:4:1: lifecycle.standby: is true or false. Use \"all\", \"none\", or a list of classes, e.g. [\"block\", \"net\"]."),
                one(
                        BOOT + "[lifecycle]\nstandby = [\"block\", \"block\"]\n",
                        "vm.toml:4:1: lifecycle.standby: \"block\" is named twice. Remove one."),
                one(
                        BOOT + "[lifecycle]\nstandby = [\"blok\"]\n",
                        "vm.toml:4:1: lifecycle.standby: \"blok\" is no class of devices. Did you mean \"block\"?"),
                one(
                        BOOT + "[lifecycle]\nstandby = [\"vcpu\"]\n",
                        "vm.toml:4:1: lifecycle.standby: \"vcpu\" is no class of devices. The classes are serial, platform, block, net, console, rng, balloon, vsock."),
                one(
                        BOOT + "[lifecycle]\nhang_timeout_ms = 60001\n",
                        "vm.toml:4:1: lifecycle.hang_timeout_ms: 60001 is out of range, which is 0 to 60000."),
                one(
                        BOOT + "[lifecycle]\nreplace_timeout_ms = 0\n",
                        "vm.toml:4:1: lifecycle.replace_timeout_ms: 0 is out of range, which is 1 to 60000."),
                one(
                        BOOT + "[control]\nsocket = \"" + "s".repeat(110) + "\"\n",
                        "vm.toml:4:1: control.socket: a socket's path may have 107 bytes, and /etc/vms/"
                                + "s".repeat(110) + " has 119. Choose a shorter one."),
                one(
                        BOOT + "[metrics]\nlisten = \"metrics:9100\"\n",
                        "vm.toml:4:1: metrics.listen: \"metrics:9100\" is no address. Write \"127.0.0.1:9100\", \"[::1]:9100\", or the path of a unix socket."),
                one(
                        BOOT + "[metrics]\nlisten = \"1.2.3.400:80\"\n",
                        "vm.toml:4:1: metrics.listen: \"1.2.3.400\" is no address of the Internet's. Write numbers."),
                one(
                        BOOT + "[control]\nsocket = \"./s\"\n[metrics]\nlisten = \"./s\"\n",
                        "vm.toml:6:1: metrics.listen: /etc/vms/s is the control socket's already. Choose another path."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"none\"\njournal = 1\n",
                        "vm.toml:6:1: serial[1].journal: is a number, and must be true or false. Use e.g. journal = true."),
                one(
                        BOOT + "[platform]\njournal = true\n",
                        "vm.toml:4:1: platform.journal: there is no place for it. Add [journal] with e.g. directory = \"journal\"."),
                one(
                        BOOT + "[[block]]\npath = \"a\"\njournal = true\n",
                        "vm.toml:5:1: block[1].journal: there is no place for it. Add [journal] with e.g. directory = \"journal\"."),
                one(
                        BOOT + "[[net]]\nbackend = \"none\"\njournal = true\n",
                        "vm.toml:5:1: net[1].journal: there is no place for it. Add [journal] with e.g. directory = \"journal\"."),
                one(
                        BOOT + "[console]\nbackend = \"pty\"\njournal = true\n",
                        "vm.toml:5:1: console.journal: there is no place for it. Add [journal] with e.g. directory = \"journal\"."),
                one(
                        BOOT + "[rng]\njournal = true\n",
                        "vm.toml:4:1: rng.journal: there is no place for it. Add [journal] with e.g. directory = \"journal\"."),
                one(
                        BOOT + "[balloon]\njournal = true\n",
                        "vm.toml:4:1: balloon.journal: there is no place for it. Add [journal] with e.g. directory = \"journal\"."),
                one(
                        BOOT + "[[vsock]]\ncid = 3\npath = \"v\"\njournal = true\n",
                        "vm.toml:6:1: vsock[1].journal: there is no place for it. Add [journal] with e.g. directory = \"journal\"."),
                one(
                        BOOT + "[journal]\nmax_age_hours = 0\ndirectory = \"j\"\n",
                        "vm.toml:4:1: journal.max_age_hours: 0 is out of range, which is 1 to 87600."),
                one(
                        BOOT + "[journal]\nmax_size_mb = 15\ndirectory = \"j\"\n",
                        "vm.toml:4:1: journal.max_size_mb: 15 is out of range, which is 16 to 1048576."),
                one(
                        BOOT + "[journal]\ndirectory = \"j\"\nmax_size_mb = 16\nlife_size_mb = 9\n",
                        "vm.toml:6:1: journal.life_size_mb: a life of 9 MB leaves no room for another within 16. Use at most half, e.g. life_size_mb = 4."),
                one(
                        BOOT + "[journal]\nmax_size_mb = 64\n",
                        "vm.toml:3:1: journal.directory: is missing. Add e.g. directory = \"journal\"."),
                // one path, two owners
                one(
                        BOOT
                                + "[[serial]]\nport = 1\nbackend = \"socket\"\npath = \"a.sock\"\n[[serial]]\nport = 2\nbackend = \"socket\"\npath = \"./a.sock\"\n",
                        "vm.toml:10:1: serial[2].path: /etc/vms/a.sock is COM1's already. Choose another path."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"file\"\npath = \"a\"\n[control]\nsocket = \"a\"\n",
                        "vm.toml:8:1: control.socket: /etc/vms/a is COM1's already. Choose another path."),
                one(
                        BOOT
                                + "[[serial]]\nport = 3\nbackend = \"pty\"\npath = \"a\"\n[console]\nbackend = \"socket\"\npath = \"a\"\n",
                        "vm.toml:9:1: console.path: /etc/vms/a is COM3's already. Choose another path."),
                // names
                one(
                        "[machine]\nmemroy = \"1G\"\n" + BOOT,
                        "vm.toml:2:1: machine.memroy: unknown key. Did you mean \"memory\"?"),
                one(BOOT + "vcpus = 2\n", "vm.toml:3:1: boot.vcpus: unknown key. It belongs to [machine]."),
                one(
                        BOOT + "zzz = 2\n",
                        "vm.toml:3:1: boot.zzz: unknown key. The keys of [boot] are kernel, firmware, initrd, cmdline, on_reset."),
                one("memory = \"1G\"\n" + BOOT, "vm.toml:1:1: memory: unknown key. It belongs to [machine]."),
                one("[machin]\n" + BOOT, "vm.toml:1:1: machin: unknown table. Did you mean [machine]?"),
                one("[[serials]]\n" + BOOT, "vm.toml:1:1: serials: unknown table. Did you mean [[serial]]?"),
                one(
                        "[network]\n" + BOOT,
                        "vm.toml:1:1: network: unknown table. The tables are [machine], [boot], [[serial]], [platform], [[block]], [[net]], [console], [rng], [balloon], [[vsock]], [jail], [ipc], [lifecycle], [control], [journal], [metrics]."),
                one("machine = 3\n" + BOOT, "vm.toml:1:1: machine: is a number, and must be a table. Write [machine]."),
                one("[[machine]]\n" + BOOT, "vm.toml:1:1: machine: is a list, and must be a table. Write [machine]."),
                one(
                        BOOT + "\"ev\\u001b[31mil\" = 1\n",
                        "vm.toml:3:1: boot.\"ev\\u001B[31mil\": unknown key. The keys of [boot] are kernel, firmware, initrd, cmdline, on_reset."),
                one(
                        BOOT + "[[block]]\npath = \"\"\n",
                        "vm.toml:4:1: block[1].path: the path is empty. Name a file, or remove the key."),
                one(
                        BOOT + "[[block]]\nformat = \"vmdk\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].format: \"vmdk\" is not known. Use one of \"raw\", \"qcow2\"."),
                one(
                        BOOT + "[[block]]\nread_only = \"yes\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].read_only: is text, and must be true or false. Use e.g. read_only = true."),
                one(
                        BOOT + "[[block]]\ncache = \"write-back\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].cache: \"write-back\" is not known. Did you mean \"writeback\"?"),
                one(
                        BOOT + "[[block]]\nqueues = 17\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].queues: 17 is out of range, which is 1 to 16."),
                one(
                        BOOT + "[[block]]\nqueue_size = 100\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].queue_size: 100 is no size of a virtqueue: a power of two from 2 to 1024."),
                one(
                        BOOT + "[[block]]\nserial = \"123456789012345678901\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].serial: \"123456789012345678901\" is no serial number: at most 20 letters, digits and signs of ASCII."),
                one(
                        BOOT + "[[block]]\ndiscard = 1\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].discard: is a number, and must be true or false. Use e.g. discard = false."),
                one(
                        BOOT + "[[block]]\npacked = \"no\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].packed: is text, and must be true or false. Use e.g. packed = true."),
                one(
                        BOOT + "[[block]]\nblock_size = 1024\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].block_size: 1024 is no block size of a disk. Use 512 or 4096."),
                one(
                        BOOT + "[[block]]\nid = \"Data\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].id: \"Data\" is no id: at most 16 small letters, digits and '_'. Use e.g. id = \"data\"."),
                one(
                        BOOT + "[[block]]\nisolation = \"none\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].isolation: \"none\" is not known. Use one of \"class\", \"instance\"."),
                one(
                        BOOT + "[[block]]\nslot = 31\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].slot: 31 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[[net]]\nbackend = \"bridge\"\n",
                        "vm.toml:4:1: net[1].backend: \"bridge\" is not known. Use one of \"tap\", \"passt\", \"none\"."),
                one(
                        BOOT + "[[net]]\ntap = \"eth/0\"\nbackend = \"tap\"\n",
                        "vm.toml:4:1: net[1].tap: \"eth/0\" is no name of an interface: at most 15 letters, digits, '.', '_' and '-'. Use e.g. tap = \"tap0\"."),
                one(
                        BOOT + "[[net]]\ntap = \"tap0\"\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].tap: only backend \"tap\" has an interface. Remove tap."),
                one(
                        BOOT + "[[net]]\nforward = [\"8080:80\"]\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].forward: \"8080:80\" is no forward: protocol, port of the host, port of the guest. Use e.g. \"tcp:8080:80\"."),
                one(
                        BOOT
                                + "[[net]]\nforward = [\"tcp:80:80\", \"udp:80:80\", \"tcp:80:81\"]\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].forward: tcp:80:81 takes a port of the host that another one has taken. Give it another, or remove it."),
                one(
                        BOOT + "[[net]]\nforward = \"tcp:1:1\"\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].forward: is text, and must be a list of texts."),
                one(
                        BOOT + "[[net]]\nforward = [\"tcp:8080:80\"]\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].forward: only backend \"passt\" forwards ports. Remove forward."),
                one(
                        BOOT + "[[net]]\nhost_loopback = true\nbackend = \"tap\"\n",
                        "vm.toml:4:1: net[1].host_loopback: only backend \"passt\" can lead to the host's loopback. Remove host_loopback."),
                one(
                        BOOT + "[[block]]\nbacking = [\"b.img\"]\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].backing: a raw image lies on no other. Remove backing, or say format = \"qcow2\" if it is one."),
                one(
                        BOOT + "[[block]]\nbacking = [\"\"]\npath = \"d.qcow2\"\n",
                        "vm.toml:4:1: block[1].backing: the path is empty. Name a file, or remove the key."),
                one(
                        BOOT + "[[block]]\nbacking = \"b.img\"\npath = \"d.qcow2\"\n",
                        "vm.toml:4:1: block[1].backing: is text, and must be a list of texts."),
                one(
                        BOOT + "[[block]]\nbacking = [" + "\"b\",".repeat(17) + "]\npath = \"d.qcow2\"\n",
                        "vm.toml:4:1: block[1].backing: 17 images: at most 16 lie behind one another. Merge some: qemu-img commit or qemu-img rebase."),
                one(
                        BOOT + "[[net]]\nmac = \"02:00:00:00:00\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].mac: \"02:00:00:00:00\" is no MAC address. Use e.g. mac = \"02:00:00:00:00:01\"."),
                one(
                        BOOT + "[[net]]\nmac = \"03:00:00:00:00:01\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].mac: 03:00:00:00:00:01 is a group's address, and a card needs its own: an even second digit."),
                one(
                        BOOT + "[[net]]\nmtu = 60\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].mtu: 60 is out of range, which is 68 to 65520."),
                one(
                        BOOT + "[[net]]\nqueues = 2\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].queues: passt has one pair of queues. Remove queues, or use a tap."),
                one(
                        BOOT + "[[net]]\nqueue_size = 1\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].queue_size: 1 is no size of a virtqueue: a power of two from 2 to 1024."),
                one(
                        BOOT + "[[net]]\npacked = 1\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].packed: is a number, and must be true or false. Use e.g. packed = true."),
                one(
                        BOOT + "[[net]]\noffloads = 0\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].offloads: is a number, and must be true or false. Use e.g. offloads = false."),
                one(
                        BOOT + "[[net]]\nid = \"\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].id: \"\" is no id: at most 16 small letters, digits and '_'. Use e.g. id = \"data\"."),
                one(
                        BOOT + "[[net]]\nisolation = \"clas\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].isolation: \"clas\" is not known. Did you mean \"class\"?"),
                one(
                        BOOT + "[[net]]\nslot = 0\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].slot: 0 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[console]\nbackend = \"terminl\"\n",
                        "vm.toml:4:1: console.backend: \"terminl\" is not known. Did you mean \"terminal\"?"),
                one(
                        BOOT + "[console]\npath = \"p\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: console.path: backend \"none\" has no path. Remove it."),
                one(
                        BOOT + "[console]\nslot = 99\nbackend = \"none\"\n",
                        "vm.toml:4:1: console.slot: 99 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[console]\nbackend = \"none\"\n[[console.port]]\nname = \"a b\"\nbackend = \"none\"\n",
                        "vm.toml:6:1: console.port[1].name: \"a b\" is no name of a port: at most 63 letters, digits and signs of ASCII without '/'. Use e.g. name = \"org.example.agent\"."),
                one(
                        BOOT + "[console]\nbackend = \"none\"\n[[console.port]]\nbackend = \"tty\"\nname = \"a\"\n",
                        "vm.toml:6:1: console.port[1].backend: \"tty\" is not known. Did you mean \"pty\"?"),
                one(
                        BOOT
                                + "[console]\nbackend = \"none\"\n[[console.port]]\npath = \"p\"\nname = \"a\"\nbackend = \"none\"\n",
                        "vm.toml:6:1: console.port[1].path: backend \"none\" has no path. Remove it."),
                one(
                        BOOT + "[rng]\nenabled = \"no\"\n",
                        "vm.toml:4:1: rng.enabled: is text, and must be true or false. Use e.g. enabled = false."),
                one(
                        BOOT + "[rng]\nrate_bytes = 1\n",
                        "vm.toml:4:1: rng.rate_bytes: 1 is out of range, which is 16 to 1073741824."),
                one(
                        BOOT + "[rng]\nslot = 31\nenabled = true\n",
                        "vm.toml:4:1: rng.slot: 31 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[balloon]\ntarget = \"1\"\n",
                        "vm.toml:4:1: balloon.target: \"1\" is a number of bytes, and too few. Say the unit, e.g. memory = \"512M\"."),
                one(
                        BOOT + "[balloon]\nfree_page_reporting = 1\n",
                        "vm.toml:4:1: balloon.free_page_reporting: is a number, and must be true or false. Use e.g. free_page_reporting = false."),
                one(
                        BOOT + "[balloon]\ndeflate_on_oom = 1\n",
                        "vm.toml:4:1: balloon.deflate_on_oom: is a number, and must be true or false. Use e.g. deflate_on_oom = false."),
                one(
                        BOOT + "[balloon]\nstats_interval_s = -1\n",
                        "vm.toml:4:1: balloon.stats_interval_s: -1 is out of range, which is 0 to 3600."),
                one(
                        BOOT + "[balloon]\nslot = 31\n",
                        "vm.toml:4:1: balloon.slot: 31 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[[vsock]]\ncid = 2\npath = \"v\"\n",
                        "vm.toml:4:1: vsock[1].cid: 2 is out of range, which is 3 to 4294967294."),
                one(
                        BOOT
                                + "[[vsock]]\npath = \"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\"\ncid = 3\n",
                        "vm.toml:4:1: vsock[1].path: the socket's path may have 96 bytes, for the port is put behind it, and /etc/vms/vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv has 99. Choose a shorter one."),
                one(
                        BOOT + "[[vsock]]\nid = \"-\"\ncid = 3\npath = \"v\"\n",
                        "vm.toml:4:1: vsock[1].id: \"-\" is no id: at most 16 small letters, digits and '_'. Use e.g. id = \"data\"."),
                one(
                        BOOT + "[[vsock]]\nisolation = \"\"\ncid = 3\npath = \"v\"\n",
                        "vm.toml:4:1: vsock[1].isolation: \"\" is not known. Use one of \"class\", \"instance\"."),
                one(
                        BOOT + "[[vsock]]\nslot = 31\ncid = 3\npath = \"v\"\n",
                        "vm.toml:4:1: vsock[1].slot: 31 is out of range, which is 1 to 30."),
                one(
                        "[boot]\nfirmware = \"\"\n",
                        "vm.toml:2:1: boot.firmware: the path is empty. Name a file, or remove the key."),
                one(
                        BOOT + "firmware = \"f\"\n",
                        "vm.toml:2:1: boot.kernel: firmware finds on the disks what it starts. Remove kernel."),
                one(
                        BOOT + "[[block]]\npath = \"a\"\nid = \"x\"\n[[block]]\npath = \"b\"\nid = \"x\"\n",
                        "vm.toml:8:1: block[2].id: another block device has this id. Choose another."),
                one(
                        BOOT + "[[block]]\npath = \"a\"\nslot = 9\n[[net]]\nbackend = \"none\"\nslot = 9\n",
                        "vm.toml:8:1: net[1].slot: slot 9 is taken by block \"0\". Choose another."),
                one(BOOT + "[[block]]\n", "vm.toml:3:1: block[1].path: is missing. Add e.g. path = \"disk.qcow2\"."),
                one(
                        BOOT + "[block]\npath = \"a\"\n",
                        "vm.toml:3:1: block: is a table, and must be a list of tables. Write [[block]]."),
                one(
                        BOOT + "[console]\nbackend = \"terminal\"\n[[serial]]\nport = 1\nbackend = \"terminal\"\n",
                        "vm.toml:3:1: console: the terminal is taken by a serial port. Use e.g. backend = \"none\" for that."),
                // twice
                one(BOOT + "kernel = \"l\"\n", "vm.toml:3:1: kernel: is given twice (first in line 2). Remove one."));
    }

    private static Arguments one(String text, String complaint) {
        return Arguments.of(text, complaint);
    }
}
