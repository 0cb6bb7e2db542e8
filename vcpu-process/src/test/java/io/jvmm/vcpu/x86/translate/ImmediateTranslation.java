package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.interp.Block;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.TranslationQueue;

/** Translates a hot block on the spot: the same guest is translated alike every time. The vCPU's thread. */
public final class ImmediateTranslation implements TranslationQueue {
    private final Translator translator;

    public ImmediateTranslation(TranslatorOptions options) {
        translator = new Translator(options);
    }

    /** Before the vCPU runs. */
    public void attach(CodeCache cache) {
        translator.attach(cache);
    }

    @Override
    public void offer(Block hot) {
        if ((hot.modeKey & ModeKey.CODE) == ModeKey.CODE_64
                && (hot.modeKey & ModeKey.SINGLE) == 0
                && !hot.crossesPage()) {
            translator.translateNow(hot);
        }
    }

    /** Blocks that could not be translated. */
    public long failures() {
        return translator.failed();
    }

    /** Regions, guest instructions in them, blocks that could not be translated. */
    @Override
    public String toString() {
        return String.format(
                "%,d regions of %,d instructions, %,d failures",
                translator.regions(), translator.instructions(), translator.failed());
    }
}
