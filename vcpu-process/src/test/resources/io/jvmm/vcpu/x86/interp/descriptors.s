# Every access byte a descriptor can have, tried with every instruction that loads or asks for one: in 32-bit protected mode at CPL 0 and 3, then
# in long mode. What faults goes on behind the instruction; the test compares registers and handlers with another processor.
.equ RESUME, 0x9010
.equ PML4, 0x100000
.equ TSS32, 0x9100
.equ TSS64, 0x9200
.equ SLOT, 0x48
.macro TRY insn:vararg
    movl $resume\@, %ss:RESUME
    \insn
resume\@:
.endm
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
    lgdtl gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $0x08, $protected
.code32
protected:
    mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov %ax, %fs
    mov %ax, %gs
    mov $0x8000, %esp
    lidtl idtr32
    mov $0x28, %ax
    ltr %ax
    movl $0x8800, TSS32+4
    movl $0x10, TSS32+8
    movw $0x68, TSS32+102
    xor %ebx, %ebx
kernel_loop:
    xor %esi, %esi
kernel_rpl:
# again, since QEMU forgets to mark code accessed that is entered by a far transfer
    mov %bl, gdt+SLOT+5
    lea SLOT(%esi), %ecx
    mov $0x10, %ebp
    TRY mov %cx, %es
    mov %ebp, %es
    TRY mov %cx, %gs
    mov %ebp, %gs
    TRY mov %cx, %ss
    mov %ebp, %ss
    mov $0, %eax
    lar %cx, %eax
    mov $0, %eax
    lsl %cx, %eax
    verr %cx
    verw %cx
    pushf
    pop %eax
    TRY lldt %cx
    xor %eax, %eax
    lldt %ax
    TRY ltr %cx
    movb $0x89, gdt+0x2d
    mov $0x28, %eax
    ltr %ax
    mov %bl, gdt+SLOT+5
# code segments; TSSs and task gates are left out (a task switch)
    mov %bl, %al
    and $0x15, %al
    cmp $1, %al
    je no_far
    mov %bl, %al
    and $0x1f, %al
    cmp $5, %al
    je no_far
    mov %cx, far_pointer+4
    movl $kernel_jumped, far_pointer
    TRY ljmp *far_pointer
kernel_jumped:
    ljmp $0x08, $kernel_back
kernel_back:
    movl $kernel_called, far_pointer
    mov %esp, %edi
    TRY lcall *far_pointer
kernel_called:
    mov %edi, %esp
    ljmp $0x08, $kernel_back2
kernel_back2:
no_far:
# IRET and far return to it, at the same level and to ring 3
    mov %esp, %edi
    pushl $0x23
    pushl $0x7800
    pushfl
    push %ecx
    pushl $kernel_returned
    TRY iretl
kernel_returned:
    int $0x40
    mov %edi, %esp
    pushl $0x23
    pushl $0x7800
    push %ecx
    pushl $kernel_returned2
    TRY lretl
kernel_returned2:
    int $0x40
    mov %edi, %esp
# the same with the slot as the stack of ring 3
    push %ecx
    pushl $0x7800
    pushfl
    pushl $0x1b
    pushl $kernel_returned3
    TRY iretl
kernel_returned3:
    int $0x40
    mov %edi, %esp
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    add $3, %esi
    cmp $6, %esi
    jb kernel_rpl
    inc %bl
    jnz kernel_loop

# ring 3
    pushl $0x23
    pushl $0x7800
    pushfl
    pushl $0x1b
    pushl $user
    iretl
user:
    mov $0x23, %eax
    mov %eax, %ds
    mov %eax, %es
user_loop:
    xor %esi, %esi
user_rpl:
# again, since QEMU forgets to mark code accessed that is entered by a far transfer
    mov %bl, gdt+SLOT+5
    lea SLOT(%esi), %ecx
    mov $0x23, %ebp
    TRY mov %cx, %es
    mov %ebp, %es
    TRY mov %cx, %fs
    mov %ebp, %fs
    TRY mov %cx, %ss
    mov %ebp, %ss
    mov $0, %eax
    lar %cx, %eax
    mov $0, %eax
    lsl %cx, %eax
    verr %cx
    verw %cx
    pushf
    pop %eax
    TRY lldt %cx
    mov %bl, %al
    and $0x15, %al
    cmp $1, %al
    je user_no_far
    mov %bl, %al
    and $0x1f, %al
    cmp $5, %al
    je user_no_far
    mov %cx, far_pointer+4
    movl $user_jumped, far_pointer
    TRY ljmp *far_pointer
user_jumped:
    ljmp $0x1b, $user_back
user_back:
    movl $user_called, far_pointer
    mov %esp, %edi
    TRY lcall *far_pointer
user_called:
    mov %edi, %esp
    ljmp $0x1b, $user_back2
user_back2:
user_no_far:
    add $3, %esi
    cmp $6, %esi
    jb user_rpl
    inc %bl
    jnz user_loop
# privileged instructions
    TRY hlt
    TRY cli
    TRY sti
    TRY mov %cr0, %eax
    TRY mov %eax, %cr3
    TRY mov %dr7, %eax
    TRY rdmsr
    TRY wrmsr
    TRY invlpg (%eax)
    TRY clts
    TRY lgdtl gdtr
    TRY lmsw %ax
    TRY in $0x10, %al
    TRY int $0x41
    TRY ud2
    smsw %eax
    sgdtl 0x9080
    str %eax
    sldt %eax
    int $0x42

handler40:
# back to the kernel's loop: the return address is behind the INT
    mov $0x10, %eax
    mov %eax, %ss
    mov (%esp), %edx
    mov %edi, %esp
    jmp *%edx
handler41:
    iretl
handler_error:
    mov (%esp), %edx
    add $4, %esp
handler_plain:
    mov %ss:RESUME, %eax
    mov %eax, (%esp)
    iretl

to_long:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0x8000, %esp
    mov $PML4, %edi
    mov $0x3000/4, %ecx
    xor %eax, %eax
    cld
    rep stosl
    movl $PML4+0x1007, PML4
    movl $PML4+0x2007, PML4+0x1000
    mov $PML4+0x2000, %edi
    mov $0x87, %eax
    mov $8, %ecx
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
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    xor %eax, %eax
    mov %eax, %ss
    mov $0x8000, %rsp
    lidt idtr64
    movq $0x8800, TSS64+4
    mov $0x70, %ax
    ltr %ax
    xor %ebx, %ebx
    mov $0x8f, %r8b
    mov %r8b, gdt+SLOT+6
long_loop:
    xor %esi, %esi
long_rpl:
# again, since QEMU forgets to mark code accessed that is entered by a far transfer
    mov %bl, gdt+SLOT+5
    lea SLOT(%rsi), %ecx
    mov $0x10, %ebp
    TRY mov %cx, %es
    mov %ebp, %es
    TRY mov %cx, %gs
    mov %ebp, %gs
    TRY mov %cx, %ss
    mov %ebp, %ss
# QEMU answers for the 16-bit types and the task gate, which long mode does not have (SDM 2 LAR, LSL)
    mov %bl, %al
    and $0x1f, %al
    cmp $1, %al
    je 1f
    cmp $3, %al
    jb 2f
    cmp $5, %al
    jbe 1f
2:  mov $0, %eax
    lar %cx, %eax
    mov $0, %eax
    lsl %cx, %eax
1:  verr %cx
    verw %cx
    pushf
    pop %rax
    TRY lldt %cx
    xor %eax, %eax
    lldt %ax
# QEMU takes a 16-bit TSS too (SDM 3A table 3-2: reserved in IA-32e mode)
    mov %bl, %al
    and $0x1f, %al
    cmp $1, %al
    je 3f
    TRY ltr %cx
3:
    movb $0x89, gdt+0x75
    mov $0x70, %eax
    ltr %ax
    mov %bl, gdt+SLOT+5
# 64-bit IRET to it at either level, and with it as stack
    mov %rsp, %rdi
    pushq $0x23
    pushq $0x7800
    pushfq
    push %rcx
    pushq $long_returned
    TRY iretq
long_returned:
    int $0x40
    mov %rdi, %rsp
    push %rcx
    pushq $0x7800
    pushfq
    pushq $0x93
    pushq $long_returned2
    TRY iretq
long_returned2:
    int $0x40
    mov %rdi, %rsp
    pushq $0x23
    pushq $0x7800
    push %rcx
    pushq $long_returned3
    TRY lretq
long_returned3:
    int $0x40
    mov %rdi, %rsp
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    add $3, %esi
    cmp $6, %esi
    jb long_rpl
    inc %bl
    jnz long_loop
# then as 64-bit code, as 32-bit code, and with both bits
    add $0x20, %r8b
    mov %r8b, gdt+SLOT+6
    cmp $0xef, %r8b
    jne long_loop
    out %al, $0xf4
    hlt
long40:
    mov (%rsp), %rdx
    mov $0x10, %eax
    mov %eax, %ss
    mov %rdi, %rsp
    jmp *%rdx
long_error:
    pop %rdx
long_plain:
    mov RESUME, %eax
    mov %rax, (%rsp)
    iretq

.balign 16
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff  # 08 code 32
    .quad 0x00cf93000000ffff  # 10 data
    .quad 0x00cffb000000ffff  # 18 code 32 DPL 3
    .quad 0x00cff3000000ffff  # 20 data DPL 3
    .quad 0x0000890091000067  # 28 TSS 32 at 9100
    .quad 0, 0, 0
    .quad 0x00cf00000000ffff  # 48 the slot
    .quad 0                   # 50 its second half
    .quad 0x00af9b000000ffff  # 58 code 64
    .quad 0, 0
    .quad 0x0000890092000067  # 70 TSS 64 at 9200
    .quad 0
    .quad 0, 0
    .quad 0x00affb000000ffff  # 90 code 64 DPL 3
gdt_end:
gdtr:
    .word gdt_end - gdt - 1
    .long gdt
idtr32:
    .word 0x43*8-1
    .long 0x200000
idtr64:
    .word 0x43*16-1
    .quad 0x201000
far_pointer:
    .long 0
    .word 0
.balign 8
gates32:
    .long 6, handler_plain, 0x8e
    .long 10, handler_error, 0x8e
    .long 11, handler_error, 0x8e
    .long 12, handler_error, 0x8e
    .long 13, handler_error, 0x8e
    .long 0x40, handler40, 0xee
    .long 0x41, handler41, 0x8e
    .long 0x42, to_long, 0xee
    .long -1
gates64:
    .long 6, long_plain, 0x8e00
    .long 10, long_error, 0x8e00
    .long 11, long_error, 0x8e00
    .long 12, long_error, 0x8e00
    .long 13, long_error, 0x8e00
    .long 14, long_error, 0x8e00
    .long 0x40, long40, 0xee00
    .long -1
tables:
    .long gates32, gates64
