# From real mode through protected mode to long mode, to ring 3 and back by SYSCALL, INT, faults, call gate; compatibility mode; and
# the way down to real mode again. Each stage ORs its bit into [results]; HLT ends it.
.equ RESULTS, 0x9000
.equ PML4, 0x100000
.equ TSS32, 0x9100
.equ TSS64, 0x9200
.text
.code16
start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7000, %sp
    xor %edx, %edx
    mov $0x10, %eax
    mov %eax, %cr0
    movl $0, RESULTS
# real mode: INT through the vector table at 0
    movw $real_handler, 4*0x21
    movw $0, 4*0x21+2
    sti
    int $0x21
    pushf
    pop %ax
    test $0x200, %ax
    jz fail16
    cli
# divide error in real mode: the handler skips the instruction
    movw $real_divide, 0
    movw $0, 2
    xor %cx, %cx
    mov $5, %ax
    div %cl
    orw $2, RESULTS
# far call and return
    lcall $0, $real_far
    lgdtl gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $0x08, $protected
fail16:
    hlt
real_handler:
    orw $1, RESULTS
    iret
real_divide:
    push %bp
    mov %sp, %bp
    addw $2, 2(%bp)
    pop %bp
    iret
real_far:
    orw $4, RESULTS
    lret
.code32
protected:
    mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x8000, %esp
    lidtl idtr32
    mov $0x28, %ax
    ltr %ax
    movl $0x8800, TSS32+4
    movl $0x10, TSS32+8
    int $0x30
# a selector beyond the table: #GP with the selector as error code, the handler skips two bytes
    mov $0xfff8, %ax
    mov %ax, %es
    cmpl $0xfff8, RESULTS+8
    jne fail32
    orl $0x10, RESULTS
# a segment that is not present
    mov $0x48, %ax
    mov %ax, %fs
    cmpl $0x48, RESULTS+8
    jne fail32
    orl $0x20, RESULTS
# to ring 3 with IRET, back by INT 0x31 (trap gate, DPL 3)
    pushl $0x23
    pushl $0x7800
    pushfl
    orl $0x200, (%esp)
    pushl $0x1b
    pushl $user32
    iretl
user32:
    mov %cs, %ax
    and $3, %al
    cmp $3, %al
    jne fail32
# privileged: #GP(0) at CPL 3, skipped (1 byte hlt padded by nop)
    hlt
    nop
    int $0x31
back32:
    mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    orl $0x40, RESULTS
# call gate from ring 3 with two parameters
    pushl $0x23
    pushl $0x7800
    pushfl
    pushl $0x1b
    pushl $user32b
    iretl
user32b:
    pushl $0x11
    pushl $0x22
    lcall $0x53, $0
    mov %esp, %eax
    cmp $0x7800, %eax
    jne fail32
    int $0x33
fail32:
    hlt
gate32:
    mov 8(%esp), %eax
    cmp $0x22, %eax
    jne fail32
    mov 12(%esp), %eax
    cmp $0x11, %eax
    jne fail32
    push %ds
    mov $0x10, %ax
    mov %ax, %ds
    orl $0x80, RESULTS
    pop %ds
    lret $8
handler30:
    orl $0x08, RESULTS
    iretl
handler31:
    mov $0x10, %ax
    mov %ax, %ds
    mov $0x8000, %esp
    jmp back32
handler33:
    mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    mov $0x8000, %esp
    jmp to_long
handler_gp32:
    push %ds
    push %eax
    mov $0x10, %ax
    mov %ax, %ds
    mov 8(%esp), %eax
    mov %eax, RESULTS+8
    addl $2, 12(%esp)
    pop %eax
    pop %ds
    add $4, %esp
    iretl
to_long:
    xor %eax, %eax
    mov %ax, %fs
# identity map of 1 GiB by 2 MiB pages, user
    mov $PML4, %edi
    mov $0x3000/4, %ecx
    cld
    rep stosl
    movl $PML4+0x1007, PML4
    movl $PML4+0x2007, PML4+0x1000
    mov $PML4+0x2000, %edi
    mov $0x87, %eax
    mov $512, %ecx
1:  mov %eax, (%edi)
    movl $0, 4(%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $PML4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80010000, %eax
    mov %eax, %cr0
    ljmpl $0x58, $long
.code64
long:
    mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    xor %ax, %ax
    mov %ax, %ss
    mov $0x8000, %rsp
    lidt idtr64
    movq $0x8800, TSS64+4
    movq $0x8c00, TSS64+36
    movw $0x68, TSS64+102
    mov $0x70, %ax
    ltr %ax
    orl $0x100, RESULTS
    int $0x30
    orl $0x400, RESULTS
# page fault: CR2, error code, the handler maps nothing but skips (3 bytes)
    mov $0x40000000, %rbx
    mov (%rbx), %rax
    cmpq $0, RESULTS+8
    jne fail64
    mov %cr2, %rax
    cmp %rbx, %rax
    jne fail64
    orl $0x800, RESULTS
# non-canonical: #GP(0)
    mov $1, %rbx
    shl $63, %rbx
    mov (%rbx), %rax
    orl $0x1000, RESULTS
# to ring 3, back by SYSCALL
    mov $0xc0000081, %ecx
    xor %eax, %eax
    mov $0x00800058, %edx
    wrmsr
    mov $0xc0000082, %ecx
    lea syscall_entry(%rip), %rax
    xor %edx, %edx
    wrmsr
    mov $0xc0000084, %ecx
    mov $0x300, %eax
    xor %edx, %edx
    wrmsr
    mov $0xc0000102, %ecx
    mov $0x1234000, %eax
    xor %edx, %edx
    wrmsr
    lea user64(%rip), %rcx
    mov $0x202, %r11
    mov $0x7800, %rsp
    sysretq
fail64:
    hlt
user64:
    mov %cs, %eax
    cmp $0x93, %eax
    jne fail64
    mov $0x55, %edi
    syscall
after_syscall:
    cmp $0x77, %eax
    jne fail64
# interrupt gate with DPL 3 through IST
    int $0x34
# gate with DPL 0 from ring 3: #GP(vector*8+2), two bytes skipped
    int $0x32
    orl $0x10000, RESULTS
# breakpoint, single instruction trap
    int3
    orl $0x20000, RESULTS
    mov $2, %edi
    syscall
syscall_entry:
    swapgs
    mov %rsp, %r12
    mov $0x8800, %rsp
    cmp $2, %edi
    je kernel_again
    orl $0x2000, RESULTS
    mov $0xc0000101, %ecx
    push %r11
    lea after_syscall(%rip), %rcx
    pop %r11
    mov $0x77, %eax
    mov %r12, %rsp
    swapgs
    sysretq
kernel_again:
    orl $0x40000, RESULTS
# compatibility mode and back: far return to 32-bit code
    pushq $0x08
    lea compat(%rip), %rax
    push %rax
    lretq
.code32
compat:
# the returns to ring 3 have made DS and ES null
    mov %ds, %ax
    test %ax, %ax
    jnz fail32
    mov $0x10, %ax
    mov %ax, %ss
    mov %ax, %ds
    mov $0x8000, %esp
    int $0x30
    orl $0x80000, RESULTS
    ljmpl $0x58, $long_again
.code64
long_again:
# single-step: one instruction under TF
    pushfq
    orq $0x100, (%rsp)
    popfq
    nop
    nop
    testl $0x4000, RESULTS
    jz fail64
# leave long mode: to compatibility mode, paging off
    pushq $0x08
    lea leave(%rip), %rax
    push %rax
    lretq
.code32
leave:
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    mov $0xc0000080, %ecx
    rdmsr
    and $0xfffffeff, %eax
    wrmsr
    orl $0x100000, RESULTS
    lidtl idtr_real
    ljmpl $0x38, $prot16
.code16
prot16:
    mov $0x40, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov %cr0, %eax
    and $0xfe, %al
    mov %eax, %cr0
    ljmpl $0, $real_again
real_again:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    orl $0x200000, RESULTS
    int $0x21
    out %al, $0xf4
    hlt
.code64
handler64_30:
    orl $0x200, RESULTS
    iretq
handler64_34:
    orl $0x8000, RESULTS
    cmp $0x8c00-40, %rsp
    jne fail64
    iretq
handler64_3:
    iretq
handler64_1:
    orl $0x4000, RESULTS
    andq $~0x100, 16(%rsp)
    iretq
handler64_gp:
    popq RESULTS+8
# 0x32*8+2 by SDM 3A 6.13; QEMU says 0x32*16+2, so only zero or not is looked at
    testq $2, RESULTS+8
    jnz 1f
    addq $1, (%rsp)
1:  addq $2, (%rsp)
    iretq
handler64_pf:
    popq RESULTS+8
    addq $3, (%rsp)
    iretq
.balign 16
gdt:
    .quad 0
    .quad 0x00cf9a000000ffff  # 08 code 32
    .quad 0x00cf92000000ffff  # 10 data
    .quad 0x00cffa000000ffff  # 18 code 32 DPL 3
    .quad 0x00cff2000000ffff  # 20 data DPL 3
    .quad 0x0000890091000067  # 28 TSS 32 at 9100
    .quad 0
    .quad 0x00009a000000ffff  # 38 code 16
    .quad 0x000092000000ffff  # 40 data 16
    .quad 0x00cf12000000ffff  # 48 data, not present
    .word gate32 - start + 0xa000, 0x08, 0xec02, 0  # 50 call gate 32, DPL 3, two parameters
    .quad 0x00af9a000000ffff  # 58 code 64
    .quad 0x00cf92000000ffff  # 60 data after it (SYSCALL)
    .quad 0
    .quad 0x0000890092000067  # 70 TSS 64 at 9200
    .quad 0
    .quad 0x00cffa000000ffff  # 80 SYSRET base: code 32 DPL 3
    .quad 0x00cff2000000ffff  # 88 data DPL 3
    .quad 0x00affa000000ffff  # 90 code 64 DPL 3
gdt_end:
gdtr:
    .word gdt_end - gdt - 1
    .long gdt
    .long 0
idtr32:
    .word 0x34*8-1
    .long 0x200000
idtr64:
    .word 0x35*16-1
    .quad 0x201000
idtr_real:
    .word 0x3ff
    .long 0
# read by the test: pairs of vector, offset, type; ends with -1
.balign 8
gates32:
    .long 13, handler_gp32, 0x8e
    .long 11, handler_gp32, 0x8e
    .long 0x30, handler30, 0x8e
    .long 0x31, handler31, 0xef
    .long 0x33, handler33, 0xee
    .long -1
gates64:
    .long 1, handler64_1, 0x8e00
    .long 3, handler64_3, 0xee00
    .long 13, handler64_gp, 0x8e00
    .long 14, handler64_pf, 0x8e00
    .long 0x30, handler64_30, 0x8e00
    .long 0x32, handler64_30, 0x8e00
    .long 0x34, handler64_34, 0xee01
    .long -1
tables:
    .long gates32, gates64
