package io.jvmm.fuzz.passt;

import java.io.ByteArrayOutputStream;
import java.util.List;

/** Lives that are as they should be, and a few that are not. */
final class PasstSeeds {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private PasstSeeds() {}

    private PasstSeeds step(Step step, int... operands) {
        bytes.write(List.of(Step.values()).indexOf(step));
        for (int operand : operands) {
            bytes.write(operand);
        }
        return this;
    }

    private PasstSeeds send(int kind, int length, int size) {
        return step(Step.SEND, kind, length & 0xFF, length >>> 8, size & 0xFF, size >>> 8, 0);
    }

    private PasstSeeds frame(int kind, int length) {
        return step(Step.FRAME, kind, length & 0xFF, length >>> 8);
    }

    private PasstSeeds write(int count) {
        return step(Step.WRITE, count & 0xFF, count >>> 8);
    }

    private byte[] done() {
        return bytes.toByteArray();
    }

    static List<byte[]> all() {
        PasstSeeds offloads = new PasstSeeds();
        PasstSeeds torn = new PasstSeeds().step(Step.CHECKS, 1);
        for (int kind = 0; kind < Packets.KINDS; kind++) {
            offloads.send(kind, 100 + kind, 0).send(0x20 | kind, 200 + kind, 0).send(0x40 | kind, 3000, 1000);
            torn.frame(kind, 90 + kind)
                    .frame(0x80 | kind, 80)
                    .write(150)
                    .step(Step.RECEIVE)
                    .step(Step.LOOK);
        }
        PasstSeeds full = new PasstSeeds();
        PasstSeeds deaths = new PasstSeeds();
        for (int i = 0; i < 4; i++) {
            full.send(0x42, 60_000, 1448).step(Step.FLUSH);
            deaths.frame(1, 300)
                    .write(160 + i)
                    .step(Step.RECEIVE)
                    .step(Step.DIE)
                    .send(2, 60_000, 0);
        }
        full.step(Step.READ, 0x88, 0x13)
                .step(Step.FLUSH)
                .step(Step.DIE)
                .send(1, 90, 0)
                .step(Step.FLUSH);
        return List.of(
                offloads.step(Step.FLUSH).done(),
                torn.step(Step.WRITE_ALL).step(Step.RECEIVE).step(Step.RECEIVE).done(),
                full.done(),
                deaths.step(Step.FLUSH).step(Step.WRITE_ALL).done(),
                new PasstSeeds()
                        .frame(1, 70)
                        .frame(2, 80)
                        .step(Step.DIE_AFTER, 0)
                        .write(100)
                        .step(Step.RECEIVE)
                        .step(Step.WRITE_ALL)
                        .step(Step.RECEIVE)
                        .done(),
                new PasstSeeds()
                        .send(2, 500, 0)
                        .step(Step.DIE_AFTER, 0)
                        .step(Step.FLUSH)
                        .send(2, 80, 0)
                        .done(),
                new PasstSeeds()
                        .frame(0, 20)
                        .step(Step.RAW, 8, 0, 0, 0, 13, 1, 2, 3, 4)
                        .step(Step.WRITE_ALL)
                        .step(Step.RECEIVE)
                        .step(Step.RECEIVE)
                        .send(1, 60, 0)
                        .done(),
                new PasstSeeds()
                        .frame(2, 65_535)
                        .step(Step.WRITE_ALL)
                        .step(Step.RECEIVE)
                        .done(),
                new PasstSeeds()
                        .step(Step.SEND, 0x82, 200, 0, 0, 0, 1, 0, 14, 0, 16, 0, 1, 30, 127)
                        .done());
    }
}
