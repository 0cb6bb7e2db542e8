package io.jvmm.policy.parse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Errno;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The language: what it accepts means what it says, what it refuses is located and comes with a cure. */
final class PolicyParserTest {
    private static final String HEAD = "policy p\ndefault kill because \"nothing else is needed\"\n";

    @TempDir
    Path directory;

    @Test
    void aRuleHasActionCallConditionsAndReason() throws Exception {
        Policy policy = parse(HEAD
                + "allow mmap when prot & PROT_EXEC == 0 and flags & MAP_ANONYMOUS != 0 because \"memory for the heap\"\n"
                + "errno EACCES openat, open because \"no files in here\"\n");
        assertEquals(3, policy.rules().size());
        Rule mmap = policy.rules().getFirst();
        assertEquals(new Action.Allow(), mmap.action());
        assertEquals("memory for the heap", mmap.reason());
        assertEquals(new Location("p.policy", 3, 7), mmap.location());
        assertEquals("allow mmap when prot & PROT_EXEC == 0 and flags & MAP_ANONYMOUS != 0", mmap.text());
        assertEquals(new Action.Deny(Errno.EACCES), policy.decide(257, new long[6]));
        assertEquals(new Action.Kill(), policy.decide(41, new long[6]));
        assertEquals(new Action.Allow(), policy.decide(9, new long[] {0, 0, 3, 0x22, 0, 0}));
        assertEquals(new Action.Kill(), policy.decide(9, new long[] {0, 0, 7, 0x22, 0, 0}));
        assertEquals(new Action.Kill(), policy.decide(9, new long[] {0, 0, 3, 0x02, 0, 0}));
    }

    @Test
    void theFirstRuleThatAppliesDecides() throws Exception {
        Policy policy = parse(HEAD
                + "errno EPERM read when fd == 5 because \"not that one, please\"\n"
                + "allow read when fd <= 9 because \"the lower ones are ours\"\n"
                + "trap read when fd in 10 .. 20 because \"somebody should look\"\n");
        assertEquals(new Action.Deny(Errno.EPERM), policy.decide(0, new long[] {5, 0, 0, 0, 0, 0}));
        assertEquals(new Action.Allow(), policy.decide(0, new long[] {6, 0, 0, 0, 0, 0}));
        assertEquals(new Action.Trap(), policy.decide(0, new long[] {20, 0, 0, 0, 0, 0}));
        assertEquals(new Action.Kill(), policy.decide(0, new long[] {21, 0, 0, 0, 0, 0}));
    }

    @Test
    void theUpperHalfOfA32BitArgumentIsIgnoredAsTheKernelDoes() throws Exception {
        Policy policy = parse(HEAD + "allow read when fd != 3 because \"anything but the third\"\n");
        assertEquals(new Action.Kill(), policy.decide(0, new long[] {0x1_0000_0003L, 0, 0, 0, 0, 0}));
    }

    @Test
    void negativeNumbersHaveTheWidthOfTheirArgument() throws Exception {
        Policy policy = parse(HEAD + "allow openat when directory == -100 because \"relative to the directory\"\n");
        assertEquals(new Action.Allow(), policy.decide(257, new long[] {0xffff_ff9cL, 0, 0, 0, 0, 0}));
        assertEquals(new Action.Allow(), policy.decide(257, new long[] {-100, 0, 0, 0, 0, 0}));
    }

    @Test
    void includesAreSplicedWhereTheyStand() throws Exception {
        Files.writeString(directory.resolve("base.policy"), "fragment base\nallow futex because \"locks of the VM\"\n");
        Policy policy = parse("policy p\ninclude base.policy\ndefault kill because \"nothing else is needed\"\n");
        assertEquals("base.policy", policy.rules().getFirst().location().file());
        assertEquals(
                List.of("futex"), policy.allowed().stream().map(c -> c.name()).toList());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "allow raed because \"typing too fast\" | 3:7: \"raed\" is no system call of x86-64; did you mean read?",
                "allow read | expected a reason",
                "allow read because \"ok\" | that is no reason",
                "alow read because \"typing too fast\" | 3:1: expected a rule, found \"alow\"; did you mean allow?",
                "errno EPREM read because \"typing too fast\" | \"EPREM\" is no errno; did you mean",
                "allow read when fdd == 1 because \"some long reason\" | its arguments are fd, buffer, count",
                "allow vserver when x == 1 because \"some long reason\" | describe its arguments in x86_64.syscalls",
                "allow ioctl when request == KVM_RUM because \"some reason\" | 3:29: \"KVM_RUM\" is no number and no known",
                "allow ioctl when request == KVM_RUM because \"some reason\" | did you mean KVM_RUN?",
                "allow ioctl when request in { 1, 1 } because \"some reason\" | is in the set twice",
                "allow ioctl when request in { 1, 2 because \"some reason\" | the set does not end",
                "allow ioctl when request in 2 .. 1 because \"some reason\" | this range is empty",
                "allow ioctl when request < 0 because \"some reason\" | always the same",
                "allow ioctl when request >= 0 because \"some reason\" | always the same",
                "allow ioctl when request == 0x100000000 because \"some reason\" | does not fit into 32 bits",
                "allow ioctl when request & 1 == 2 because \"some reason\" | bits outside the mask",
                "allow ioctl when request ~ 1 because \"some reason\" | \"~\" is no comparison",
                "allow read because \"no end | does not end on its line",
                "allow read because \"some reason\" ; | means nothing here",
                "allow read when fd == \u07C6 because \"a digit, but not of ours\" | means nothing here",
                "include nothing.policy | there is no file \"nothing.policy\" beside this one",
                "default kill because \"once more, please\" | a second default; remove it, or the one at p.policy:2:1",
            })
    void mistakesAreLocatedAndCured(String line, String expected) throws Exception {
        PolicyException e = assertThrows(PolicyException.class, () -> parse(HEAD + line + "\n"));
        String message = String.valueOf(e.getMessage());
        assertTrue(message.startsWith("p.policy:"), message);
        assertTrue(message.contains(expected), message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "allow read because \"once is enough\" / allow read because \"twice is not\" | 4:7: this rule for read can never apply",
                "allow read because \"everything\" / errno EPERM read when fd == 3 because \"too late\" | can never apply",
                "allow read when fd == 3 because \"only three\" / allow read because \"and all of them\" | 3:7: this rule for read says nothing new",
                "allow read when fd in {3,4} because \"first set\" / allow read when fd in {4} because \"again four\" | can never apply",
                "allow read when fd < 9 because \"first range\" / trap read when fd in 2 .. 3 because \"too late\" | can never apply",
                "kill read because \"as the default\" | says what the default says",
                "allow mmap when prot & 6 == 2 because \"first mask\" / log mmap when prot & 7 == 3 because \"narrower\" | can never apply",
            })
    void rulesThatChangeNothingAreRefused(String lines, String expected) throws Exception {
        PolicyException e = assertThrows(PolicyException.class, () -> parse(HEAD + lines.replace(" / ", "\n") + "\n"));
        assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
    }

    @Test
    void aPolicyNeedsADefaultAndItsOwnName() throws Exception {
        assertTrue(String.valueOf(assertThrows(PolicyException.class, () -> parse("policy p\n"))
                        .getMessage())
                .contains("there is no default; add: default kill"));
        assertTrue(String.valueOf(assertThrows(PolicyException.class, () -> parse("policy q\n"))
                        .getMessage())
                .contains("the name must match p.policy"));
    }

    /** No name of a file has a zero byte; Java's paths throw. */
    @Test
    void aTextIsNoNameOfAFileWhateverIsInIt() {
        assertTrue(String.valueOf(assertThrows(PolicyException.class, () -> parse(HEAD + "include \"a\0b\"\n"))
                        .getMessage())
                .contains("there is no file "));
    }

    @Test
    void aFragmentIsNoPolicyAndAPolicyIsNotIncluded() throws Exception {
        Files.writeString(directory.resolve("q.policy"), "policy q\n");
        assertTrue(String.valueOf(assertThrows(PolicyException.class, () -> parse("fragment p\n"))
                        .getMessage())
                .contains("p.policy:1:1: a fragment is no policy of its own"));
        assertTrue(String.valueOf(assertThrows(PolicyException.class, () -> parse(HEAD + "include q.policy\n"))
                        .getMessage())
                .contains("q.policy:1:1: a policy cannot be included"));
    }

    @Test
    void theTablesAreThoseOfTheKernel() {
        // asm/unistd_64.h and linux/kvm.h, by hand.
        assertEquals(202, SyscallTable.x86_64().number("futex"));
        assertEquals(435, SyscallTable.x86_64().number("clone3"));
        assertEquals("seccomp", SyscallTable.x86_64().name(317));
        assertEquals(0xae80L, Constants.find("KVM_RUN"));
        assertEquals(0x4020ae46L, Constants.find("KVM_SET_USER_MEMORY_REGION"));
        assertEquals(0x10000L, Constants.find("CLONE_THREAD"));
    }

    private Policy parse(String text) throws PolicyException, IOException {
        Path file = directory.resolve("p.policy");
        Files.writeString(file, text);
        return PolicyParser.parse(file);
    }
}
