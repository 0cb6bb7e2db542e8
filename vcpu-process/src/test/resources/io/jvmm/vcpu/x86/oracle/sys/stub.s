# The native half of NativeCpu: as -o stub.o stub.s; objcopy -O binary -j .text stub.o stub.bin
# then: xxd -p stub.bin > stub.hex. One page of code, then one of state, reached relative to RIP at the offsets of NativeCpu.
        .intel_syntax noprefix
        .code64
        .set    GPR,      state
        .set    FLAGS,    state + 0x080
        .set    HOST_RSP, state + 0x088
        .set    HOST_MXCSR, state + 0x090
        .set    TAKEN,    state + 0x094
        .set    VECTOR,   state + 0x098
        .set    ERROR,    state + 0x0a0
        .set    ADDRESS,      state + 0x0a8
        .set    RESUME,   state + 0x0b0
        .set    TARGET,      state + 0x0c0
        .set    HOST_SEG, state + 0x0d0
        .set    MODE,     state + 0x0d8
        .set    OLD,      state + 0x100
        .set    FX,       state + 0x200

# void enter(long mode): bit 0 loads and stores FX, bit 1 runs the instruction in 32-bit mode
enter:  push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        mov     [rip + MODE], rdi
        mov     [rip + HOST_RSP], rsp
        stmxcsr [rip + HOST_MXCSR]
        test    edi, 1
        jz      1f
        fxrstor64 [rip + FX]
1:      test    edi, 2
        jz      2f
        mov     [rip + HOST_SEG], ds
        mov     [rip + HOST_SEG + 2], es
        mov     eax, 0x2b
        mov     ds, eax
        mov     es, eax
2:      push    [rip + FLAGS]
        mov     rax, [rip + GPR]
        mov     rcx, [rip + GPR + 8]
        mov     rdx, [rip + GPR + 16]
        mov     rbx, [rip + GPR + 24]
        mov     rbp, [rip + GPR + 40]
        mov     rsi, [rip + GPR + 48]
        mov     r8,  [rip + GPR + 64]
        mov     r9,  [rip + GPR + 72]
        mov     r10, [rip + GPR + 80]
        mov     r11, [rip + GPR + 88]
        mov     r12, [rip + GPR + 96]
        mov     r13, [rip + GPR + 104]
        mov     r14, [rip + GPR + 112]
        mov     r15, [rip + GPR + 120]
        test    edi, 2
        mov     rdi, [rip + GPR + 56]
        jnz     3f
        popf
        mov     rsp, [rip + GPR + 32]
        jmp     slot
3:      popf
        mov     rsp, [rip + GPR + 32]
        jmp     fword ptr [rip + TARGET]

        .org 0x200
leave:  mov     [rip + GPR + 32], rsp
        mov     rsp, [rip + HOST_RSP]
        mov     [rip + GPR], rax
        mov     [rip + GPR + 8], rcx
        mov     [rip + GPR + 16], rdx
        mov     [rip + GPR + 24], rbx
        mov     [rip + GPR + 40], rbp
        mov     [rip + GPR + 48], rsi
        mov     [rip + GPR + 56], rdi
        mov     [rip + GPR + 64], r8
        mov     [rip + GPR + 72], r9
        mov     [rip + GPR + 80], r10
        mov     [rip + GPR + 88], r11
        mov     [rip + GPR + 96], r12
        mov     [rip + GPR + 104], r13
        mov     [rip + GPR + 112], r14
        mov     [rip + GPR + 120], r15
        pushf
        pop     [rip + FLAGS]
        push    2
        popf
        mov     rax, [rip + MODE]
        test    eax, 1
        jz      4f
        fxsave64 [rip + FX]
        fninit
4:      test    eax, 2
        jz      5f
        mov     ds, [rip + HOST_SEG]
        mov     es, [rip + HOST_SEG + 2]
5:      ldmxcsr [rip + HOST_MXCSR]
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret

# void handler(int signal, siginfo_t *info, ucontext_t *context): a fault of the instruction leaves the slot, others go to the VM
        .org 0x400
handler:
        lea     rax, [rip + slot]
        mov     r8, [rdx + 168]
        sub     r8, rax
        cmp     r8, 0x200
        jae     6f
        mov     rax, [rdx + 200]
        mov     [rip + VECTOR], rax
        mov     rax, [rdx + 192]
        mov     [rip + ERROR], rax
        mov     rax, [rdx + 216]
        mov     [rip + ADDRESS], rax
        mov     rax, [rip + RESUME]
        mov     [rdx + 168], rax
        ret
6:      lea     rax, [rip + OLD]
        movsxd  r8, edi
        jmp     [rax + r8 * 8]

        .org 0x480
restore:
        mov     eax, 15
        syscall

        .org 0x800
slot:   jmp     leave
# Where taken branches go
        .org 0x900
taken:  mov     dword ptr [rip + TAKEN], 1
        jmp     leave
        .org 0x1000
state:
