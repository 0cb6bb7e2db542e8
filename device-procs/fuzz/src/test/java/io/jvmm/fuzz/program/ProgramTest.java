package io.jvmm.fuzz.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Every string of bytes is a program, and is that string again. */
class ProgramTest {

    @Test
    void anyBytesAreAProgramAndBack() {
        Random random = new Random(TestSeed.next());
        for (int i = 0; i < 5000; i++) {
            byte[] input = new byte[random.nextInt(200)];
            random.nextBytes(input);
            for (List<Operation> vocabulary :
                    List.of(Operation.OF_REGISTERS, Operation.OF_PLATFORM, Operation.OF_VIRTIO)) {
                Program program = Program.of(vocabulary, input);
                assertArrayEquals(input, program.bytes());
                assertEquals(program.steps().size(), Listing.of(program).size());
            }
        }
    }

    @Test
    void whatIsWrittenIsWhatIsRead() {
        byte[] input = new ProgramWriter(Operation.OF_VIRTIO)
                .setUp(0x1_2345, 3)
                .offer(2, 1, new int[] {0, 4, 9, 8}, new byte[] {1, 2, 3, 4})
                .answer(new byte[] {7})
                .sleep(1_000_000)
                .plain(Operation.ADOPT)
                .write(0, 0x14, 1, 0x0F)
                .bytes();
        Program program = Program.of(Operation.OF_VIRTIO, input);
        assertEquals(
                List.of("setup features 0x12345 how 0x3", "offer queue 2 kick r4 w512 01 02 03 04", "answer 07"),
                Listing.of(program).subList(0, 3));
        assertEquals("kill", Listing.of(program).get(4));
        assertEquals(
                "write region 0 offset 0x14 width 1 = 0xf", Listing.of(program).get(5));
    }

    @Test
    void aTimeIsNotShorterThanItWasWritten() {
        Random random = new Random(TestSeed.next());
        for (int i = 0; i < 10_000; i++) {
            long wanted = random.nextLong() >>> (24 + random.nextInt(39));
            InputReader in = new InputReader();
            byte[] input =
                    new ProgramWriter(Operation.OF_REGISTERS).sleep(wanted).bytes();
            in.wrap(input);
            in.u8();
            long got = in.nanoseconds();
            assertTrue(got >= wanted && got <= wanted + wanted / 256 + 4, wanted + " became " + got);
        }
    }

    /** A byte that changes leaves what stands before it as it was. */
    @Test
    void aChangeDoesNotReachBack() {
        Random random = new Random(TestSeed.next());
        byte[] input = new byte[100];
        random.nextBytes(input);
        Program before = Program.of(Operation.OF_VIRTIO, input);
        byte[] changed = input.clone();
        changed[90] ^= 1;
        Program after = Program.of(Operation.OF_VIRTIO, changed);
        int at = 0;
        for (int i = 0; at + before.steps().get(i).bytes().length <= 90; i++) {
            assertArrayEquals(
                    before.steps().get(i).bytes(), after.steps().get(i).bytes());
            at += before.steps().get(i).bytes().length;
        }
    }
}
