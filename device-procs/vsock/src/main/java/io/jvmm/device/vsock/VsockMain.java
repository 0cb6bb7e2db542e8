package io.jvmm.device.vsock;

/** The vsock device process. */
public final class VsockMain {

    private VsockMain() {}

    public static void main(String[] args) {
        throw new UnsupportedOperationException();
    }
}
