package io.jvmm.supervisor.terminal;

import io.jvmm.ipc.sys.Fd;

/** What a test kills: takes the terminal, says so, and waits for a line. */
final class GuardedProgram {
    private GuardedProgram() {}

    public static void main(String[] args) throws Exception {
        Fd input = Fd.of(0);
        try (TerminalSession session = TerminalSession.prepare(input).orElseThrow()) {
            session.enterRaw();
            System.out.println("raw");
            int key = System.in.read();
            System.out.println("key " + key);
        }
    }
}
