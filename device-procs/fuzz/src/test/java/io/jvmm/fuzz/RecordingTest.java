package io.jvmm.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.device.balloon.BalloonDevice;
import io.jvmm.device.block.BlockFactory;
import io.jvmm.device.console.ConsoleDevice;
import io.jvmm.device.net.NetDevice;
import io.jvmm.device.platform.PlatformDevice;
import io.jvmm.device.rng.RngDevice;
import io.jvmm.device.serial.SerialDevice;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.device.vsock.VsockFactory;
import io.jvmm.fuzz.engine.Corpus;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.ipc.trace.TraceFileReader;
import io.jvmm.ipc.trace.TraceFormatException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A case that is written down is a life like any other: the device's own replay lives it again. And what was recorded makes inputs. */
class RecordingTest {

    @TempDir
    Path directory;

    private static DeviceFactory factory(Targets target) {
        return switch (target) {
            case SERIAL -> new SerialDevice();
            case PLATFORM -> new PlatformDevice();
            case RNG -> new VirtioProcess(new RngDevice());
            case BALLOON -> new VirtioProcess(new BalloonDevice());
            case CONSOLE -> new VirtioProcess(new ConsoleDevice());
            case BLOCK -> new VirtioProcess(new BlockFactory());
            case NET -> new VirtioProcess(new NetDevice());
            case VSOCK -> new VirtioProcess(new VsockFactory());
            default -> throw new IllegalArgumentException(target + " is no device");
        };
    }

    @ParameterizedTest
    @EnumSource(names = {"SERIAL", "PLATFORM", "RNG", "BALLOON", "CONSOLE", "BLOCK", "NET", "VSOCK"})
    void aCaseIsALifeThatIsLivedAgain(Targets target) throws Exception {
        FuzzTarget made = target.make();
        Path file = directory.resolve("finding.jtrace");
        List<byte[]> seeds = Corpus.shipped(target.word(), made);
        for (byte[] seed : seeds) {
            made.keep(seed, directory);
            try (TraceFileReader life = new TraceFileReader(file);
                    CoreReplay replay = new CoreReplay(factory(target), life, CoreReplay.Watcher.NONE)) {
                CoreReplay.Result result = replay.run();
                assertTrue(result.same(), () -> result.stop() + "\n" + String.join("\n", made.describe(seed)));
                assertTrue(result.records() > 0);
            }
        }
        made.keep(seeds.getFirst(), directory);
        try (TraceFileReader life = new TraceFileReader(file)) {
            List<byte[]> inputs = made.convert(life, target.longestInput());
            assertFalse(inputs.isEmpty());
            for (byte[] input : inputs) {
                made.run(input);
                assertEquals(
                        input.length,
                        made.parts(input).stream().mapToInt(Integer::intValue).sum());
            }
        }
    }

    @Test
    void aLifeOfAnotherClassMakesNoInputs() throws Exception {
        FuzzTarget rng = Targets.RNG.make();
        rng.keep(Corpus.shipped("rng", rng).getFirst(), directory);
        try (TraceFileReader life = new TraceFileReader(directory.resolve("finding.jtrace"))) {
            FuzzTarget serial = Targets.SERIAL.make();
            TraceFormatException refused = assertThrows(TraceFormatException.class, () -> serial.convert(life, 4096));
            assertEquals("a life of rng, not of serial", refused.getMessage());
        }
    }
}
