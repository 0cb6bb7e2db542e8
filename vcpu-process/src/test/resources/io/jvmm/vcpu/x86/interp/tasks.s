# Hardware task switches in 32-bit protected mode: JMP, CALL and IRET, task gates, an interrupt with an error code through a task gate, a task of
# ring 3, and tasks whose segments fault.
.equ RESUME, 0x9010
.equ TSS_A, 0x9100
.equ TSS_B, 0x9200
.equ TSS_C, 0x9300
.equ TSS_D, 0x9400
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
.macro TASK tss, eip, esp, cs, ds, ss
    movl $\eip, \tss+0x20
    movl $2, \tss+0x24
    movl $0x11111111, \tss+0x28
    movl $\esp, \tss+0x38
    movl $\ds, \tss+0x48
    movl $\cs, \tss+0x4c
    movl $\ss, \tss+0x50
    movl $\ds, \tss+0x54
    movl $\ds, \tss+0x58
    movl $\ds, \tss+0x5c
    movl $0, \tss+0x60
    movl $0x680000, \tss+0x64
.endm
protected:
    mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    xor %ax, %ax
    mov %ax, %fs
    mov %ax, %gs
    mov $0x8000, %esp
    lidtl idtr32
    mov $0x28, %ax
    ltr %ax
    movl $0x8800, TSS_A+4
    movl $0x10, TSS_A+8
# call and return
    TASK TSS_B, task_b, 0x7800, 0x08, 0x10, 0x10
    stc
    mov $0x12345678, %ebx
    lcall $0x30, $0
    pushf
    pop %eax
    str %ecx
    clts
# again: the task goes on where it returned
    lcall $0x30, $0
    str %ecx
    clts
# through a task gate
    lcall $0x48, $0
    clts
# jump there, and back
    ljmp $0x30, $0
back:
    str %ecx
    clts
# a task at ring 3
    TASK TSS_C, task_c, 0x7400, 0x1b, 0x23, 0x23
    movl $0x8c00, TSS_C+4
    movl $0x10, TSS_C+8
    lcall $0x38, $0
    clts
# an exception with an error code through a task gate; its task skips the instruction of two bytes
    TASK TSS_D, task_d, 0x7600, 0x08, 0x10, 0x10
    mov $0x60, %eax
    mov %eax, %fs
    mov %eax, %fs
    clts
# a software interrupt through one
    int $0x42
    clts
# to itself: busy, #GP
    movl $1f, RESUME
    ljmp $0x28, $0
1:
# a descriptor that is too short: #TS
    movl $1f, RESUME
    lcall $0x50, $0
1:
# a new task with a bad data segment: #TS in the new task, whose handler goes to the end
    TASK TSS_C, task_c, 0x7400, 0x08, 0x23, 0x10
    movl $0x1b, TSS_C+0x54
    movl $0xfff8, TSS_C+0x58
    movl $end, RESUME
    lcall $0x38, $0
end:
    str %ecx
    mov $0x10, %eax
    mov %eax, %ds
    out %al, $0xf4
    hlt
task_b:
    str %ecx
    mov %cr0, %eax
    pushf
    pop %eax
    iretl
    str %ecx
    iretl
    str %ecx
    iretl
    str %ecx
    ljmp $0x28, $0
    str %ecx
    iretl
task_c:
    mov %cs, %eax
    int $0x41
    iretl
task_d:
    pop %edx
    addl $2, TSS_A+0x20
    iretl
    jmp task_d
handler41:
    iretl
handler_error:
    mov (%esp), %edx
    add $4, %esp
    mov %ss:RESUME, %eax
    mov %eax, (%esp)
    iretl
.balign 16
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff  # 08 code 32
    .quad 0x00cf93000000ffff  # 10 data
    .quad 0x00cffb000000ffff  # 18 code 32 DPL 3
    .quad 0x00cff3000000ffff  # 20 data DPL 3
    .quad 0x0000890091000067  # 28 task A, the first
    .quad 0x0000890092000067  # 30 task B
    .quad 0x0000890093000067  # 38 task C
    .quad 0
    .quad 0x0000850000300000  # 48 task gate to B
    .quad 0x0000890093000066  # 50 too short
    .quad 0x0000890094000067  # 58 task D
    .quad 0x00cf13000000ffff  # 60 data, not present
gdt_end:
gdtr:
    .word gdt_end - gdt - 1
    .long gdt
idtr32:
    .word 0x43*8-1
    .long 0x200000
.balign 8
gates32:
    .long 10, handler_error, 0x8e
    .long 11, 0x58, 0x85
    .long 0x42, 0x30, 0x85
    .long 12, handler_error, 0x8e
    .long 13, handler_error, 0x8e
    .long 0x41, handler41, 0xee
    .long -1
gates64:
    .long -1
tables:
    .long gates32, gates64
