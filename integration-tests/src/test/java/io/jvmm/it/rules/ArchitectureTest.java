package io.jvmm.it.rules;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.conditions.ArchConditions;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;

/**
 * "Who depends on whom" of the architecture. A rule about packages that do not exist yet holds from the day they do, so
 * empty matches are allowed.
 */
@AnalyzeClasses(
        packages = "io.jvmm",
        importOptions = {ImportOption.DoNotIncludeTests.class, ArchitectureTest.NoTestJars.class})
class ArchitectureTest {
    /** What tests of several modules share. */
    static final class NoTestJars implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    private static final String[] JDK = {"java..", "org.jspecify.."};

    // ---- floors

    @ArchTest
    static final ArchRule ipcIsTheGroundFloor =
            mayUse("io.jvmm.ipc..", "io.jvmm.ipc..", "org.agrona..").as("ipc-protocol uses the JDK and Agrona only");

    @ArchTest
    static final ArchRule policiesUseTypedLinuxCallsOnly =
            mayUse("io.jvmm.policy..", "io.jvmm.policy..", "io.jvmm.ipc.sys..");

    @ArchTest
    static final ArchRule deviceApi =
            mayUse("io.jvmm.device.api..", "io.jvmm.device.api..", "io.jvmm.ipc..", "io.jvmm.policy..", "org.agrona..");

    @ArchTest
    static final ArchRule supervisorKnowsNoOtherProcess = noClasses()
            .that()
            .resideInAPackage("io.jvmm.supervisor..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.jvmm.vcpu..", "io.jvmm.device..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule vcpuProcessKnowsNoOtherProcess = noClasses()
            .that()
            .resideInAPackage("io.jvmm.vcpu..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.jvmm.supervisor..", "io.jvmm.device..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule devicesKnowNoOtherProcess = noClasses()
            .that()
            .resideInAPackage("io.jvmm.device..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.jvmm.supervisor..", "io.jvmm.vcpu..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule devicesKnowNoOtherDevice = SlicesRuleDefinition.slices()
            .matching("io.jvmm.device.(*)..")
            .should()
            .notDependOnEachOther()
            .ignoreDependency(
                    DescribedPredicate.alwaysTrue(),
                    resideInAnyPackage("io.jvmm.device.api..", "io.jvmm.device.virtio.."));

    @ArchTest
    static final ArchRule deviceApiKnowsNoDevice = noClasses()
            .that()
            .resideInAPackage("io.jvmm.device.api..")
            .should()
            .dependOnClassesThat(resideInAPackage("io.jvmm.device..")
                    .and(DescribedPredicate.not(resideInAPackage("io.jvmm.device.api.."))));

    @ArchTest
    static final ArchRule nobodyDependsOnTheTests = noClasses()
            .that()
            .resideOutsideOfPackage("io.jvmm.it..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.jvmm.it..");

    @ArchTest
    static final ArchRule nobodyDependsOnTheFuzzer = noClasses()
            .that()
            .resideOutsideOfPackage("io.jvmm.fuzz..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.jvmm.fuzz..");

    // ---- inside the vCPU process

    @ArchTest
    static final ArchRule enginesKnowNoBoard = noClasses()
            .that()
            .resideInAnyPackage("io.jvmm.vcpu.kvm..", "io.jvmm.vcpu.x86..", "io.jvmm.vcpu.engine..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.jvmm.vcpu.board..", "io.jvmm.vcpu.boot..", "io.jvmm.vcpu.main..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule boardKnowsNoEngine = noClasses()
            .that()
            .resideInAnyPackage("io.jvmm.vcpu.board..", "io.jvmm.vcpu.boot..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.jvmm.vcpu.kvm..", "io.jvmm.vcpu.x86..", "io.jvmm.vcpu.main..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule kvmKnowsNoX86 = noClasses()
            .that()
            .resideInAPackage("io.jvmm.vcpu.kvm..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.jvmm.vcpu.x86..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule x86KnowsNoKvm = noClasses()
            .that()
            .resideInAPackage("io.jvmm.vcpu.x86..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.jvmm.vcpu.kvm..")
            .allowEmptyShould(true);

    // ---- libraries with one home

    @ArchTest
    static final ArchRule chronicleLivesInTheJournal = noClasses()
            .that()
            .resideOutsideOfPackage("io.jvmm.supervisor.journal..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("net.openhft..");

    @ArchTest
    static final ArchRule aeronLivesOnTheBus = noClasses()
            .that()
            .resideOutsideOfPackage("io.jvmm.supervisor.bus..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.aeron..");

    // ---- the sys rule: what can break the JVM has one kind of home

    @ArchTest
    static final ArchRule downcallsOnlyInSys = noClasses()
            .that()
            .resideOutsideOfPackage("..sys..")
            .should()
            .dependOnClassesThat(DescribedPredicate.or(
                    JavaClass.Predicates.equivalentTo(Linker.class),
                    JavaClass.Predicates.equivalentTo(SymbolLookup.class),
                    JavaClass.Predicates.assignableTo(Linker.Option.class)));

    @ArchTest
    static final ArchRule reinterpretOnlyInSys = noClasses()
            .that()
            .resideOutsideOfPackage("..sys..")
            .should()
            .callMethodWhere(target(name("reinterpret"))
                    .and(target(com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner(
                            name("java.lang.foreign.MemorySegment")))));

    @ArchTest
    static final ArchRule nobodyUsesUnsafe =
            noClasses().should().dependOnClassesThat().resideInAnyPackage("sun.misc..", "jdk.internal..");

    // ---- habits that a linter does not know

    @ArchTest
    static final ArchRule nobodySleepsToWait = noClasses()
            .that()
            .resideOutsideOfPackage("io.jvmm.it..")
            .and()
            .haveSimpleNameNotEndingWith("Benchmark")
            .should()
            .callMethodWhere(target(name("sleep"))
                    .and(target(com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner(
                            name("java.lang.Thread").or(name("java.util.concurrent.TimeUnit"))))));

    @ArchTest
    static final ArchRule jailedProcessesOpenNoSocket = noClasses()
            .that()
            .resideInAnyPackage("io.jvmm.vcpu..", "io.jvmm.device..", "io.jvmm.ipc..")
            .should()
            .dependOnClassesThat()
            .haveNameMatching("java\\.net\\..*Socket.*|java\\.net\\.http\\..*|java\\.nio\\.channels\\..*");

    /** System.exit opens files: a jailed process ends with Runtime.halt, or by returning from main. */
    @ArchTest
    static final ArchRule jailedProcessesDoNotExit = noClasses()
            .that()
            .resideInAnyPackage("io.jvmm.vcpu..", "io.jvmm.device..", "io.jvmm.ipc..")
            .should()
            .callMethod(System.class, "exit", int.class);

    @ArchTest
    static final ArchRule noLoggingFramework = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.util.logging..", "org.slf4j..", "org.apache.logging..");

    private static ArchRule mayUse(String who, String... packages) {
        String[] all = java.util.stream.Stream.concat(java.util.Arrays.stream(JDK), java.util.Arrays.stream(packages))
                .toArray(String[]::new);
        return classes()
                .that()
                .resideInAPackage(who)
                .should(ArchConditions.onlyDependOnClassesThat(resideInAnyPackage(all)
                        .or(DescribedPredicate.describe(
                                "are arrays of primitives", c -> c.isArray() || c.isPrimitive()))));
    }
}
