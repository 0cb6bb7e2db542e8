package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Stock Linux and its own tools on disks of both formats, and other programs' view of what it left there. */
@Tag("boot")
class DisksIT extends MachineTest {
    /** Where sfdisk puts the first partition: 1 MiB. */
    private static final String PARTITION = "?offset=1048576";

    private static final int FILES = 12;

    @Override
    protected void requirements() {
        for (String program : new String[] {"qemu-img", "debugfs"}) {
            if (!Host.has(program) && !Files.isExecutable(Path.of("/usr/sbin", program))) {
                throw new AssertionError("this test needs " + program + ": sudo apt-get install qemu-utils e2fsprogs");
            }
        }
    }

    private static final String DISKS = """
            [[block]]
            path = "raw.img"
            serial = "jvmm-raw"
            [[block]]
            path = "disk.qcow2"
            queues = 2
            [[block]]
            path = "alone.qcow2"
            packed = true
            id = "alone"
            isolation = "instance"
            """;

    @Test
    void whatLinuxWroteIsThereAfterAPowerCycleAndForOtherPrograms() throws Exception {
        try (RandomAccessFile raw = new RandomAccessFile(dir.resolve("raw.img").toFile(), "rw")) {
            raw.setLength(128L << 20);
        }
        for (String name : new String[] {"disk.qcow2", "alone.qcow2"}) {
            DebianMachine.host(
                    "qemu-img", "create", "-q", "-f", "qcow2", dir.resolve(name).toString(), "128M");
        }
        String sums;
        try (DebianMachine m = DebianMachine.boot(dir, DISKS)) {
            assertEquals("jvmm-raw", m.run("cat /sys/block/vdb/serial").strip());
            for (String disk : new String[] {"vdb", "vdc", "vdd"}) {
                m.run("echo 'start=2048' | sfdisk -q /dev/" + disk);
                m.run("mkfs.ext4 -q /dev/" + disk + "1 && mkdir -p /mnt/" + disk + " && mount /dev/" + disk + "1 /mnt/"
                        + disk);
                m.run("cd /mnt/" + disk + " && for i in $(seq " + FILES
                        + "); do dd if=/dev/urandom bs=32k count=$i of=f$i 2>/dev/null; done; rm f3"
                        + " && sha256sum f* >sums; cd");
            }
            sums = m.run("sync; cat /mnt/vd[bcd]/sums");
            m.powerOff();
        }
        checkFromOutside(sums);
        try (DebianMachine m = DebianMachine.boot(dir, DISKS)) {
            for (String disk : new String[] {"vdb", "vdc", "vdd"}) {
                m.run("mkdir -p /mnt/" + disk + " && mount -o ro /dev/" + disk + "1 /mnt/" + disk);
                m.run("cd /mnt/" + disk + " && sha256sum -c --quiet sums && cd");
            }
            assertEquals(sums, m.run("cat /mnt/vd[bcd]/sums"));
            m.powerOff();
        }
    }

    private void checkFromOutside(String sums) throws Exception {
        assertEquals(3 * (FILES - 1), sums.lines().count(), sums);
        Path[] images = {dir.resolve("raw.img"), dir.resolve("disk.raw"), dir.resolve("alone.raw")};
        for (int n = 1; n < images.length; n++) {
            String qcow2 = images[n].toString().replace(".raw", ".qcow2");
            String said = DebianMachine.host("qemu-img", "check", qcow2);
            assertTrue(said.contains("No errors were found"), said);
            DebianMachine.host("qemu-img", "convert", "-O", "raw", qcow2, images[n].toString());
        }
        for (int n = 0; n < images.length; n++) {
            Path out = Files.createDirectory(dir.resolve("out" + n));
            // e2fsck's opinion of the whole, then every file as another program reads it.
            String partition = images[n] + PARTITION;
            DebianMachine.host("/usr/sbin/e2fsck", "-fn", partition);
            for (int i = 1; i <= FILES; i++) {
                if (i != 3) {
                    DebianMachine.host("/usr/sbin/debugfs", "-R", "dump f" + i + " " + out.resolve("f" + i), partition);
                }
            }
            StringBuilder expected = new StringBuilder();
            sums.lines()
                    .skip((long) n * (FILES - 1))
                    .limit(FILES - 1)
                    .forEach(l -> expected.append(l).append('\n'));
            Files.writeString(out.resolve("sums"), expected);
            DebianMachine.host("sh", "-c", "cd " + out + " && sha256sum -c --quiet sums");
        }
    }
}
