package io.jvmm.device.virtio;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.DeviceIdentity.Interrupt;
import io.jvmm.device.api.DeviceIdentity.Region;
import io.jvmm.device.api.Exercise;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.device.api.PciDeclaration;
import io.jvmm.device.api.ScriptDriver;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.api.trace.RecordedCore;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.trace.Tape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/** A {@link VirtioFactory} as the device runtime wants it. Stateless. */
public final class VirtioProcess implements DeviceFactory {

    /** Most functions of a process: as many as a bus has places for. */
    public static final int MAX_FUNCTIONS = 31;

    /** Version of the transport's part of the state; upper half of the version of the whole. */
    static final int STATE_VERSION = 1;

    private final VirtioFactory factory;

    public VirtioProcess(VirtioFactory factory) {
        this.factory = factory;
    }

    private static List<DeviceConfig> configs(DeviceConfig config) {
        int functions = config.integer("functions", 1);
        if (functions < 1 || functions > MAX_FUNCTIONS) {
            throw new IllegalArgumentException("functions: " + functions + "; allowed are 1.." + MAX_FUNCTIONS);
        }
        List<DeviceConfig> configs = new ArrayList<>();
        for (int function = 0; function < functions; function++) {
            configs.add(VirtioFactory.functionConfig(config, function));
        }
        return configs;
    }

    private List<FunctionLayout> layouts(DeviceConfig config) {
        return FunctionLayout.of(configs(config).stream().map(factory::identity).toList());
    }

    @Override
    public String name() {
        return factory.name();
    }

    @Override
    public DeviceIdentity identity() {
        return identity(exampleConfig());
    }

    @Override
    public DeviceIdentity identity(DeviceConfig config) {
        List<FunctionLayout> layouts = layouts(config);
        List<Region> regions = new ArrayList<>();
        List<Interrupt> interrupts = new ArrayList<>();
        for (FunctionLayout layout : layouts) {
            String name = factory.name() + regions.size();
            regions.add(new Region(name, -1, FunctionLayout.BAR_BYTES));
            for (int vector = 0; vector < layout.identity().vectors(); vector++) {
                interrupts.add(new Interrupt(name + " vector " + vector, 0, false));
            }
            interrupts.add(new Interrupt(name + " INTx", 0, true));
        }
        return new DeviceIdentity(
                factory.name(),
                factory.stateId(),
                STATE_VERSION << 16 | factory.stateVersion(),
                FunctionLayout.state(
                        layouts,
                        configs(config).stream().map(factory::stateLayout).toList()),
                regions,
                interrupts,
                0);
    }

    @Override
    public boolean answersKicks() {
        return factory.answersKicks();
    }

    /** §2.4.1: 0 in device_status. */
    @Override
    public boolean resetsDevice(int region, int offset, long value) {
        return value == 0 && offset == FunctionLayout.COMMON + CommonConfig.DEVICE_STATUS.offset();
    }

    @Override
    public StateFormats stateFormats() {
        return VirtioFormats.of(factory);
    }

    /** The functions. */
    @Override
    public List<String> stateParts(DeviceConfig config) {
        List<String> parts = new ArrayList<>();
        for (int function = 0; function < configs(config).size(); function++) {
            parts.add("function" + function);
        }
        return parts;
    }

    @Override
    public boolean usesGuestMemory() {
        return true;
    }

    @Override
    public List<PciDeclaration> pciFunctions(DeviceConfig config) {
        List<PciDeclaration> declarations = new ArrayList<>();
        for (FunctionLayout layout : layouts(config)) {
            declarations.add(VirtioPci.declaration(declarations.size(), layout.identity()));
        }
        return declarations;
    }

    @Override
    public DeviceCore create(
            DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
        throw new IllegalArgumentException("memory: a virtio device needs guest memory");
    }

    @Override
    public DeviceCore create(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs) {
        return memory == null
                ? create(config, state, fresh, effects, nowNs)
                : functions(config, state, fresh, false, effects, memory, null, nowNs);
    }

    @Override
    public DeviceCore createOnTape(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            Tape tape,
            long nowNs) {
        return memory == null
                ? create(config, state, fresh, effects, nowNs)
                : functions(config, state, fresh, false, effects, memory, tape, nowNs);
    }

    @Override
    public HostCalls hostCalls(DeviceConfig config, DeviceCore core, Tape tape) {
        return factory.hostCalls(configs(config), ((VirtioCore) core).devices(), tape);
    }

    @Override
    public boolean hasCaretaker() {
        return true;
    }

    @Override
    public DeviceCore createCaretaker(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs) {
        return memory == null
                ? create(config, state, fresh, effects, nowNs)
                : functions(config, state, fresh, true, effects, memory, null, nowNs);
    }

    private DeviceCore functions(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            boolean broken,
            DeviceEffects effects,
            GuestMemory memory,
            @Nullable Tape tape,
            long nowNs) {
        List<DeviceConfig> configs = configs(config);
        List<FunctionLayout> layouts = layouts(config);
        List<VirtioFunction> functions = new ArrayList<>();
        for (int i = 0; i < configs.size(); i++) {
            functions.add(new VirtioFunction(
                    i, factory, layouts.get(i), configs.get(i), state, fresh, broken, effects, memory, tape, nowNs));
        }
        return new VirtioCore(functions);
    }

    /** Only the devices' own parts can be of another version, and each is made in its place. */
    @Override
    public void migrate(DeviceConfig config, int oldVersion, DirectBuffer old, MutableDirectBuffer state) {
        boolean sameTransport = oldVersion >>> Short.SIZE == STATE_VERSION;
        if (!sameTransport || old.capacity() != state.capacity()) {
            DeviceFactory.super.migrate(config, oldVersion, old, state);
        }
        state.putBytes(0, old, 0, old.capacity());
        List<DeviceConfig> configs = configs(config);
        List<FunctionLayout> layouts = layouts(config);
        for (int i = 0; i < layouts.size(); i++) {
            int lengthBytes = layouts.get(i).identity().stateLengthBytes();
            UnsafeBuffer own = new UnsafeBuffer(state, layouts.get(i).deviceOffset(), lengthBytes);
            factory.migrate(configs.get(i), oldVersion & 0xFFFF, own);
        }
    }

    @Override
    public List<Backend> backends(DeviceConfig config, Descriptors descriptors, DeviceCore core, HostEvents events) {
        VirtioCore virtio = (VirtioCore) RecordedCore.unwrap(core);
        return factory.backends(configs(config), descriptors, virtio.devices(), events);
    }

    @Override
    public Map<String, Fd> scratchDescriptors() {
        return factory.scratchDescriptors();
    }

    @Override
    public List<Class<?>> madeOf() {
        return List.of(VirtioProcess.class, factory.getClass());
    }

    @Override
    public DeviceConfig exampleConfig() {
        DeviceConfig one = factory.exampleConfig();
        return key -> key.startsWith("0.") ? one.find(key.substring(2)) : one.find(key);
    }

    @Override
    public List<NamedRegister> registers() {
        List<NamedRegister> registers = new ArrayList<>();
        for (CommonConfig register : CommonConfig.values()) {
            String name = register.name().toLowerCase(Locale.ROOT);
            registers.add(new NamedRegister(name, 0, register.offset(), register.widthBytes()));
        }
        registers.add(new NamedRegister("isr_status", 0, FunctionLayout.ISR, 1));
        for (NamedRegister field : factory.configFields()) {
            registers.add(
                    new NamedRegister(field.name(), 0, FunctionLayout.DEVICE + field.offset(), field.widthBytes()));
        }
        int configLengthBytes = factory.identity(factory.exampleConfig()).configLengthBytes();
        for (int offset = 0; offset < configLengthBytes; offset++) {
            registers.add(new NamedRegister("config" + offset, 0, FunctionLayout.DEVICE + offset, 1));
        }
        return registers;
    }

    @Override
    public String guestErrorName(int code) {
        for (VirtioError error : VirtioError.values()) {
            if (error.code() == code) {
                return error.name();
            }
        }
        return factory.guestErrorName(code);
    }

    @Override
    public ScriptDriver scriptDriver(Exercise machine) {
        return driver(machine);
    }

    private ExerciseDriver driver(Exercise machine) {
        return new ExerciseDriver(machine, factory.identity(factory.exampleConfig()));
    }

    @Override
    public void exercise(Exercise machine) {
        ExerciseDriver driver = driver(machine);
        factory.exercise(driver);
        driver.misbehave();
    }
}
